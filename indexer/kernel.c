/* The arithmetic of jieba's segmentation over a flat dictionary: the same words, bit for bit, some ten times sooner.
 *
 * The dictionary is a trie laid into one open-addressing hash table. A node is known by the slot that it lies in, and
 * a slot's key is (node of all characters but the last, last character): keys are exact, no two strings can be taken
 * for each other. Plain C over memory that the caller owns: no state, so any number of threads may call.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#define FORMAT 1
#define ROOT 1

typedef struct {
    uint64_t key;     /* 0: the slot is free */
    double frequency; /* NaN for what is but the beginning of words; its logarithm once all words are added */
} Slot;

typedef struct {
    Slot *slots;
    uint64_t capacity; /* above the number of nodes: a free slot ends every search */
    int64_t total;     /* of all frequencies */
    int32_t finished;  /* whether all words are added */
} Table;

int32_t zb_format(void) { return FORMAT; }

/* The slot that holds the key, or the free one where it belongs. */
static uint64_t find(const Table *t, uint64_t key) {
    uint64_t x = key * 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 32)) * 0xD6E8FEB86659FD93u;
    uint64_t at = ((x >> 32) * t->capacity) >> 32;
    while (t->slots[at].key && t->slots[at].key != key)
        at = at + 1 == t->capacity ? 0 : at + 1;
    return at;
}

static uint64_t key_of(uint64_t node, uint32_t character) { return node << 21 | character; }

/* The node below, or 0. A node is its slot and two: 0 is none, 1 is the root. */
static uint64_t child(const Table *t, uint64_t node, uint32_t character) {
    uint64_t at = find(t, key_of(node, character));
    return t->slots[at].key ? at + 2 : 0;
}

/* The slot of a string, or -1. */
static int64_t slot_of(const Table *t, const uint32_t *text, int64_t length) {
    uint64_t node = ROOT;
    for (int64_t i = 0; i < length && node; i++)
        node = child(t, node, text[i]);
    return node ? (int64_t)node - 2 : -1;
}

/* Whether the dictionary or the lexicon holds the string as a word. */
int32_t zb_known(const Table *t, const uint32_t *text, int64_t length) {
    int64_t at = slot_of(t, text, length);
    return at >= 0 && !isnan(t->slots[at].frequency);
}

static int latin(uint32_t c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/* jieba's re_han_default: what is cut by the dictionary; everything else stands alone. */
static int in_block(uint32_t c) {
    return (c >= 0x4E00 && c <= 0x9FD5) || latin(c) || c == '+' || c == '#' || c == '&' || c == '.' || c == '_' ||
           c == '%' || c == '-';
}

/* For every character the end of the word that starts there on the best way to the end of its block.
 *
 * jieba's calc: the greatest sum of log(frequency) - log(total) from right to left, the longest word among equals.
 * With `room`, also every known word of two characters or more, from the last to the first, the ends of each start
 * falling; their number is given back, and when it exceeds `room` they must be asked for again with more.
 */
static int64_t route(const Table *t, const uint32_t *text, int64_t n, double *best, int32_t *next, int32_t *starts,
                     int32_t *ends, int64_t room) {
    double total = log((double)t->total);
    int64_t found = 0;
    best[n] = 0.0;
    for (int64_t i = n - 1; i >= 0; i--) {
        next[i] = (int32_t)i + 1;
        if (!in_block(text[i])) {
            best[i] = 0.0;
            continue;
        }
        int64_t first = found;
        int any = 0;
        double most = 0.0;
        uint64_t node = ROOT;
        for (int64_t end = i + 1; end <= n && in_block(text[end - 1]); end++) {
            node = child(t, node, text[end - 1]);
            if (!node)
                break;
            double frequency = t->slots[node - 2].frequency;
            if (isnan(frequency))
                continue;
            double sum = ((t->finished ? frequency : log(frequency)) - total) + best[end];
            if (!any || sum >= most) {
                most = sum;
                next[i] = (int32_t)end;
            }
            any = 1;
            if (room && end > i + 1) {
                if (found < room) {
                    starts[found] = (int32_t)i;
                    ends[found] = (int32_t)end;
                }
                found++;
            }
        }
        best[i] = any ? most : (0.0 - total) + best[i + 1];
        for (int64_t low = first, high = found - 1; found <= room && low < high; low++, high--) {
            int32_t swapped = ends[low];
            ends[low] = ends[high];
            ends[high] = swapped;
        }
    }
    return found;
}

/* The words of a text: how many pieces, or -1 without memory.
 *
 * `pieces` (room for 2 n) takes start and end of each; an end below zero is that of a run of single characters which
 * jieba gives to its model of unknown words. With `room`, `starts` and `ends` take the known words inside and across
 * as route() says, `found` their number, and pieces leaves out the words of two characters or more, being among them.
 */
int64_t zb_cut(const Table *t, const uint32_t *text, int64_t n, int32_t *pieces, int32_t *starts, int32_t *ends,
               int64_t *found, int64_t room) {
    double *best = malloc((size_t)(n + 1) * sizeof *best);
    int32_t *next = malloc((size_t)(n + 1) * sizeof *next);
    int64_t count = 0;
    if (!best || !next) {
        free(best);
        free(next);
        return -1;
    }
    *found = route(t, text, n, best, next, starts, ends, room);
    for (int64_t i = 0; i < n;) {
        int64_t end = next[i];
        if (end - i > 1) {
            if (!room) {
                pieces[2 * count] = (int32_t)i;
                pieces[2 * count++ + 1] = (int32_t)end;
            }
            i = end;
            continue;
        }
        while (in_block(text[i]) && end < n && in_block(text[end]) && next[end] == end + 1)
            end++;
        if (end - i > 1 && !zb_known(t, text + i, end - i)) {
            pieces[2 * count] = (int32_t)i;
            pieces[2 * count++ + 1] = -(int32_t)end;
            i = end;
        }
        for (; i < end; i++) {
            pieces[2 * count] = (int32_t)i;
            pieces[2 * count++ + 1] = (int32_t)i + 1;
        }
    }
    free(best);
    free(next);
    return count;
}

static double frequency_at(const Table *t, int64_t slot) {
    return isnan(t->slots[slot].frequency) ? 0.0 : t->slots[slot].frequency;
}

/* jieba's frequency for a word that is to be kept whole: above that of the parts it is cut into now. */
static int64_t suggested(const Table *t, const uint32_t *word, int64_t n, double *best, int32_t *next) {
    double total = (double)t->total, frequency = 1.0;
    route(t, word, n, best, next, NULL, NULL, 0);
    for (int64_t i = 0; i < n;) {
        int64_t end = next[i];
        if (end == i + 1 && latin(word[i]))
            while (end < n && latin(word[end]) && next[end] == end + 1)
                end++;
        else if (word[i] == '\r' && end < n && word[end] == '\n')
            end++;
        int64_t at = slot_of(t, word + i, end - i);
        frequency *= (at < 0 ? 1.0 : frequency_at(t, at)) / total;
        i = end;
    }
    int64_t at = slot_of(t, word, n), made = (int64_t)(frequency * total) + 1;
    int64_t now = at < 0 ? 1 : (int64_t)frequency_at(t, at);
    return made > now ? made : now;
}

/* How many characters words have beyond those they share with the word before: no more nodes than that are needed. */
int64_t zb_nodes(const uint32_t *text, const uint32_t *lengths, int64_t count) {
    int64_t nodes = 0;
    const uint32_t *before = text;
    for (int64_t i = 0; i < count; before = text, text += lengths[i++]) {
        uint32_t shared = 0;
        while (i && shared < lengths[i] && shared < lengths[i - 1] && text[shared] == before[shared])
            shared++;
        nodes += lengths[i] - shared;
    }
    return nodes;
}

/* Adds words one after another; without `given` each gets the frequency that jieba's add_word would give it then.
 *
 * `text` holds them end to end, none empty. The capacity must exceed the number of nodes. -1 without memory.
 */
int32_t zb_add(Table *t, const uint32_t *text, const uint32_t *lengths, const int64_t *given, int64_t count) {
    size_t longest = 0;
    for (int64_t i = 0; i < count; i++)
        longest = lengths[i] > longest ? lengths[i] : longest;
    double *best = malloc((longest + 1) * sizeof *best);
    int32_t *next = malloc((longest + 1) * sizeof *next);
    uint64_t *path = malloc((longest + 1) * sizeof *path); /* the nodes of the word before: most begin as it does */
    const uint32_t *before = text;
    if (best && next && path)
        for (int64_t i = 0; i < count; before = text, text += lengths[i++]) {
            int64_t frequency = given ? given[i] : suggested(t, text, lengths[i], best, next);
            uint32_t k = 0;
            while (i && k < lengths[i] && k < lengths[i - 1] && text[k] == before[k])
                k++;
            for (uint64_t node = k ? path[k - 1] : ROOT; k < lengths[i]; path[k++] = node) {
                uint64_t key = key_of(node, text[k]), at = find(t, key);
                if (!t->slots[at].key) {
                    t->slots[at].key = key;
                    t->slots[at].frequency = NAN;
                }
                node = at + 2;
            }
            t->slots[path[lengths[i] - 1] - 2].frequency = frequency ? (double)frequency : NAN;
            t->total += frequency;
        }
    int32_t result = best && next && path ? 0 : -1;
    free(best);
    free(next);
    free(path);
    return result;
}

/* To be called once, when all words are added, before any text is cut. */
void zb_finish(Table *t) {
    for (uint64_t i = 0; i < t->capacity; i++)
        if (t->slots[i].key)
            t->slots[i].frequency = log(t->slots[i].frequency);
    t->finished = 1;
}
