/* The arithmetic of jieba's segmentation over a flat dictionary: the same words, bit for bit, some ten times sooner.
 *
 * The dictionary is a trie laid into one open-addressing hash table. A node is known by the slot that it lies in, and
 * a slot's key is (node of all characters but the last, last character): keys are exact, no two strings can be taken
 * for each other. Plain C over memory that the caller owns: no state, so any number of threads may call.
 */
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT 10
#define ROOT 1
#define FIRST_HAN 0x4E00
#define LAST_HAN 0x9FD5

typedef struct {
    uint64_t key;     /* 0: the slot is free */
    double frequency; /* NaN for what is but the beginning of words; its logarithm once all words are added */
} Slot;

typedef struct {
    Slot *slots;
    uint64_t capacity; /* above the number of nodes: a free slot ends every search */
    int64_t total;     /* of all frequencies */
    int32_t finished;  /* whether all words are added */
    double starts[4];  /* jieba's model of unknown words: logarithms for the states B, E, M and S of a first character, */
    double moves[16];  /* from state to state, */
    const double *emissions; /* and of every Han character in every state */
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

static int digit(uint32_t c) { return c >= '0' && c <= '9'; }

static int latin(uint32_t c) { return digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

static int is_han(uint32_t c) { return c >= FIRST_HAN && c <= LAST_HAN; }

/* jieba's re_han_default: what is cut by the dictionary; everything else stands alone. */
static int in_block(uint32_t c) {
    return is_han(c) || latin(c) || c == '+' || c == '#' || c == '&' || c == '.' || c == '_' ||
           c == '%' || c == '-';
}

/* Part of a text. */
typedef struct {
    int32_t start, end;
} Piece;

/* For every character the end of the word that starts there on the best way to the end of its block.
 *
 * jieba's calc: the greatest sum of log(frequency) - log(total) from right to left, the longest word among equals.
 * With `room`, also every known word of two characters or more, from the last to the first, the ends of each start
 * falling; their number is given back, and when it exceeds `room` they must be asked for again with more.
 */
static int64_t route(const Table *t, const uint32_t *text, int64_t n, double *best, int32_t *next, Piece *edges,
                     int64_t room) {
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
                if (found < room)
                    edges[found] = (Piece){(int32_t)i, (int32_t)end};
                found++;
            }
        }
        best[i] = any ? most : (0.0 - total) + best[i + 1];
        for (int64_t low = first, high = found - 1; found <= room && low < high; low++, high--) {
            int32_t swapped = edges[low].end;
            edges[low].end = edges[high].end;
            edges[high].end = swapped;
        }
    }
    return found;
}

enum { BEGIN, END, MIDDLE, SINGLE, STATES };

/* The words that jieba's model of unknown words (finalseg, a hidden Markov model) sees in Han characters alone: how
 * many. `before` has room for the states of every character. */
static int64_t recognise(const Table *t, const uint32_t *text, int32_t start, int32_t end, Piece *pieces, uint8_t *before) {
    /* In the order of their letters, as of equals the later letter is taken. */
    static const uint8_t from[STATES][2] = {{END, SINGLE}, {BEGIN, MIDDLE}, {BEGIN, MIDDLE}, {END, SINGLE}};
    double best[STATES], next[STATES];
    int64_t count = 0;
    for (int y = 0; y < STATES; y++)
        best[y] = t->starts[y] + t->emissions[STATES * (text[start] - FIRST_HAN) + y];
    for (int32_t i = start + 1; i < end; i++) {
        const double *emissions = t->emissions + STATES * (text[i] - FIRST_HAN);
        for (int y = 0; y < STATES; y++) {
            int one = from[y][0], other = from[y][1];
            double first = best[one] + t->moves[STATES * one + y] + emissions[y];
            double second = best[other] + t->moves[STATES * other + y] + emissions[y];
            next[y] = second >= first ? second : first;
            before[STATES * (i - start) + y] = (uint8_t)(second >= first ? other : one);
        }
        memcpy(best, next, sizeof best);
    }
    int state = best[SINGLE] >= best[END] ? SINGLE : END;
    for (int32_t i = end - 1; i >= start; i--) {
        int here = state;
        if (i > start)
            state = before[STATES * (i - start) + here];
        before[STATES * (i - start)] = (uint8_t)here;
    }
    for (int32_t i = start, first = start; i < end; i++) {
        int here = before[STATES * (i - start)];
        if (here == BEGIN)
            first = i;
        if (here == END || here == SINGLE)
            pieces[count++] = (Piece){here == END ? first : i, i + 1};
    }
    return count;
}

/* The words that jieba sees in a run of single characters of a block which is no known word: how many. */
static int64_t recognise_run(const Table *t, const uint32_t *text, int32_t start, int32_t end, Piece *pieces, uint8_t *before) {
    int64_t count = 0;
    for (int32_t i = start, next; i < end; i = next) {
        next = i + 1;
        if (is_han(text[i])) {
            while (next < end && is_han(text[next]))
                next++;
            count += recognise(t, text, i, next, pieces + count, before);
            continue;
        }
        if (latin(text[i])) { /* [a-zA-Z0-9]+(?:\.\d+)?%? */
            while (next < end && latin(text[next]))
                next++;
            if (next + 1 < end && text[next] == '.' && digit(text[next + 1]))
                for (next += 2; next < end && digit(text[next]);)
                    next++;
            next += next < end && text[next] == '%';
        } else
            while (next < end && !is_han(text[next]) && !latin(text[next]))
                next++;
        pieces[count++] = (Piece){i, next};
    }
    return count;
}

/* A text as it is cut. `pieces` are in its order; `edges` are known words of two characters or more, wherever they
 * stand, from the last to the first, and pieces then leaves these out. */
typedef struct {
    Piece *pieces, *edges;
    int64_t count, found;
} Cut;

/* Cuts a text; with `inside` gives edges, too. 0 without memory; what was found is to be freed. */
static int cut(const Table *t, const uint32_t *text, int64_t n, int inside, Cut *c) {
    int64_t room = inside ? 4 * n + 16 : 0;
    double *best = malloc((size_t)(n + 1) * (sizeof *best + sizeof(int32_t)));
    uint8_t *before = malloc((size_t)(n + 1) * STATES);
    c->pieces = malloc((size_t)(n + 1) * sizeof *c->pieces);
    c->edges = NULL;
    c->count = c->found = 0;
    int enough = best && before && c->pieces;
    int32_t *next = (int32_t *)(best + n + 1);
    for (int64_t more = 1; enough && more; room = c->found) {
        free(c->edges);
        c->edges = malloc((size_t)(room + 1) * sizeof *c->edges);
        enough = c->edges != NULL;
        c->found = enough ? route(t, text, n, best, next, c->edges, room) : 0;
        more = room && c->found > room;
    }
    for (int64_t i = 0; enough && i < n;) {
        int64_t end = next[i];
        if (end - i > 1) {
            if (!inside)
                c->pieces[c->count++] = (Piece){(int32_t)i, (int32_t)end};
            i = end;
            continue;
        }
        while (in_block(text[i]) && end < n && in_block(text[end]) && next[end] == end + 1)
            end++;
        if (end - i > 1 && !zb_known(t, text + i, end - i)) {
            c->count += recognise_run(t, text, (int32_t)i, (int32_t)end, c->pieces + c->count, before);
            i = end;
        }
        for (; i < end; i++)
            c->pieces[c->count++] = (Piece){(int32_t)i, (int32_t)i + 1};
    }
    free(best);
    free(before);
    return enough;
}

static double frequency_at(const Table *t, int64_t slot) {
    return isnan(t->slots[slot].frequency) ? 0.0 : t->slots[slot].frequency;
}

/* jieba's frequency for a word that is to be kept whole: above that of the parts it is cut into now. */
static int64_t suggested(const Table *t, const uint32_t *word, int64_t n, double *best, int32_t *next) {
    double total = (double)t->total, frequency = 1.0;
    route(t, word, n, best, next, NULL, 0);
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

/* ---- ranking: a query plan over the arrays of an index (indexer/engines/arrays.py says what each holds) ---- */

/* Strings in the order of their numbers, end to end. */
typedef struct {
    const uint32_t *text;
    const int64_t *ends;
    int64_t count, length; /* how many, and of how many characters in all */
} Texts;

/* Strings with a hash table over them: `order` lists numbers by hash, `buckets` says where in it the hashes with the
 * same first `bits` bits begin. */
typedef struct {
    Texts texts;
    const int32_t *order, *buckets;
    int64_t bits;
} Names;

/* The terms of a group of fields. A whole row holds a document once, its fields' impacts summed by their weights; a
 * fine row holds it once for every field, in the order of documents and fields. */
typedef struct {
    Names names;
    const int64_t *starts;
    const int32_t *documents;
    const float *impacts;
    const int64_t *fine_starts;
    const int32_t *fine_documents;
    const uint8_t *fields;
    const float *fine_impacts;
    const int32_t *frequencies; /* by term and field, of this segment */
    const double *weights;      /* by field */
    int64_t width, length, fine_length; /* how many fields, and postings of either kind */
} Group;

/* What lists are ordered by: ranks by document, and the values of the ranks. */
typedef struct {
    const int32_t *ranks; /* none where no document has a value */
    Texts values;
} Sort;

/* Documents lie in cells: ranges that share visibility, owner and every facet. A run is a longer range, one value of a
 * facet; the runs of all facets follow each other. */
typedef struct {
    const Group *groups;
    const Sort *sorts;
    const int32_t *cells;  /* where each begins, and the end of the last */
    const int32_t *values; /* by cell and facet, as numbers of counts */
    const int32_t *owners; /* by cell: 0 for public ones */
    const int32_t *runs;   /* of each the first document, the one after the last, and the number of counts */
    const int64_t *firsts; /* by facet, its first run; and the end of the last facet's */
    const int32_t *cell;   /* by document: its cell */
    const uint8_t *alive;  /* by document; none where all are */
    const int32_t *order;  /* by document: what decides between equals of this segment */
    Names ids;
    int64_t size, count, sealed; /* documents, cells, whether any of these are not public */
} Segment;

typedef struct {
    const Segment *segments; /* the first holds public records, whose statistics hold */
    const int64_t *starts;   /* by facet the number of its empty value; and the end of the last facet's */
    int64_t count, groups, facets, sorts, code; /* code: the sort that decides between equals of two segments, or -1 */
    int64_t size, cells;     /* the most documents and cells of a segment */
} Index;

/* As laid out by Python, numbers of 8 bytes first: the terms of every unit followed by its parts. */
typedef struct {
    int64_t bytes, units, count, characters, like_characters;
} PlanHead;

typedef struct {
    PlanHead head;
    const double *weights;
    const int32_t *lengths, *likes; /* by term: characters of it, and of the word that it is a synonym of */
    const int32_t *terms, *parts;   /* by unit, how many */
    const uint32_t *text, *like;
    const uint8_t *addressed; /* 16 x group + field + 1; without + field + 1: all fields; 255: none */
} Plan;

typedef struct {
    int64_t bytes, offset, limit, need, widens;
    int64_t sort, falling;           /* -1: by score */
    int64_t counted;                 /* whether values are counted */
    int64_t filters, filter_numbers; /* facets under a filter, and how many numbers say what passes */
    int64_t nears, characters;
} AskedHead;

typedef struct {
    AskedHead head;
    const int64_t *owners;  /* by segment whose sealed records are seen: -1 for all, 0 for nobody's */
    const uint64_t *alive;  /* by segment, in place of its own; 0: its own */
    const int64_t *filters; /* of each the facet, how many values pass, and their numbers of counts */
    const double *points;   /* what is added to scores of near documents */
    const int32_t *lengths; /* of their ids */
    const uint32_t *ids;
} Asked;

/* A thread's memory to work in. */
typedef struct {
    uint8_t *work;
    int64_t bytes;
    int64_t wanted; /* how many were needed where there were too few */
} Room;

typedef struct {
    double key;
    int32_t order, document, segment;
} Hit;

typedef struct {
    double points;
    int32_t document;
} Near;

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define NATIVE 1
#else
#define NATIVE (-1)
#endif

#define WINDOW 4096
#define WIDTH 15
#define MOST 0x7FFFFFF0
#define MOST_PARTS 16

typedef struct {
    const int32_t *documents;
    const float *impacts;
    const uint8_t *fields; /* none in a whole row */
    int64_t at, end;
    uint32_t unit, stage; /* stage: below parts, which of them; 0 for a term */
    uint32_t base, parts;
    int32_t only, origin; /* the field asked for, or -1; the term */
    float weights[WIDTH];
} Row;

typedef struct {
    double points;
    uint16_t seen, met; /* the last unit that it met, and how many */
    uint32_t stage;     /* how many parts of a unit it holds in turn, above that unit's base */
} Sum;

static uint64_t hash_of(const uint32_t *text, int64_t length) {
    uint64_t hash = 0xCBF29CE484222325u;
    for (int64_t i = 0; i < length; i++)
        hash = (hash ^ text[i]) * 0x9E3779B97F4A7C15u;
    return (hash ^ (hash >> 32)) * 0xD6E8FEB86659FD93u;
}

/* The characters of a string; none for what is no number of one, or where the ends make no sense. */
static const uint32_t *string_of(const Texts *texts, int64_t number, int64_t *length) {
    *length = 0;
    if (number < 0 || number >= texts->count)
        return texts->text;
    int64_t start = texts->ends[number], end = texts->ends[number + 1];
    if (start < 0 || end < start || end > texts->length)
        return texts->text;
    *length = end - start;
    return texts->text + start;
}

static int64_t find_name(const Names *names, uint64_t hash, const uint32_t *text, int64_t length) {
    uint64_t bucket = hash >> (64 - names->bits);
    int64_t at = names->buckets[bucket], end = names->buckets[bucket + 1];
    for (at = at < 0 ? 0 : at, end = end > names->texts.count ? names->texts.count : end; at < end; at++) {
        int64_t number = names->order[at], held;
        const uint32_t *string = string_of(&names->texts, number, &held);
        if (held == length && number >= 0 && number < names->texts.count &&
            !memcmp(string, text, (size_t)length * sizeof *text))
            return number;
    }
    return -1;
}

/* The numbers of strings that lie end to end; -1 for those that are none of the names. */
void zb_find(const Names *names, const uint32_t *text, const int32_t *lengths, int64_t count, int32_t *found) {
    for (int64_t i = 0; i < count; text += lengths[i++])
        found[i] = (int32_t)find_name(names, hash_of(text, lengths[i]), text, lengths[i]);
}

/* Whether so many items of a size begin at a place of a block; the place then moves behind them. */
static int section(int64_t *at, int64_t bytes, int64_t count, int64_t size, int64_t *start) {
    *start = *at;
    if (count < 0 || count > MOST || *at + count * size > bytes)
        return 0;
    *at += count * size;
    return 1;
}

/* Whether lengths, none below 0, have that sum. */
static int adds_up(const int32_t *lengths, int64_t count, int64_t sum) {
    for (int64_t i = 0; i < count; i++) {
        if (lengths[i] < 0)
            return 0;
        sum -= lengths[i];
    }
    return sum == 0;
}

/* Reads a block of terms; whether all of it lies inside and agrees with the index. */
static int read_plan(const Index *ix, const uint8_t *block, Plan *p) {
    memcpy(&p->head, block, sizeof p->head);
    int64_t n = p->head.count, units = p->head.units, bytes = p->head.bytes, at = sizeof p->head, sum = 0;
    int64_t starts[8];
    if (!section(&at, bytes, n, 8, starts) || !section(&at, bytes, n, 4, starts + 1) ||
        !section(&at, bytes, n, 4, starts + 2) || !section(&at, bytes, units, 4, starts + 3) ||
        !section(&at, bytes, units, 4, starts + 4) || !section(&at, bytes, p->head.characters, 4, starts + 5) ||
        !section(&at, bytes, p->head.like_characters, 4, starts + 6) || !section(&at, bytes, n, 1, starts + 7))
        return 0;
    p->weights = (const double *)(block + starts[0]);
    p->lengths = (const int32_t *)(block + starts[1]);
    p->likes = (const int32_t *)(block + starts[2]);
    p->terms = (const int32_t *)(block + starts[3]);
    p->parts = (const int32_t *)(block + starts[4]);
    p->text = (const uint32_t *)(block + starts[5]);
    p->like = (const uint32_t *)(block + starts[6]);
    p->addressed = block + starts[7];
    for (int64_t u = 0; u < units; u++) {
        if (p->terms[u] < 0 || p->parts[u] < 0)
            return 0;
        sum += (int64_t)p->terms[u] + p->parts[u];
    }
    for (int64_t i = 0; i < n; i++)
        if (p->addressed[i] != 255 && ((p->addressed[i] >> 4) >= ix->groups ||
                                       (p->addressed[i] & 15) > ix->segments->groups[p->addressed[i] >> 4].width))
            return 0;
    return at == bytes && sum == n && adds_up(p->lengths, n, p->head.characters) && adds_up(p->likes, n, p->head.like_characters);
}

static int read_asked(const Index *ix, const uint8_t *block, Asked *a) {
    memcpy(&a->head, block, sizeof a->head);
    int64_t bytes = a->head.bytes, n = a->head.nears, at = sizeof a->head, starts[6];
    if (!section(&at, bytes, ix->count, 8, starts) || !section(&at, bytes, ix->count, 8, starts + 1) ||
        !section(&at, bytes, a->head.filter_numbers, 8, starts + 2) || !section(&at, bytes, n, 8, starts + 3) ||
        !section(&at, bytes, n, 4, starts + 4) || !section(&at, bytes, a->head.characters, 4, starts + 5))
        return 0;
    a->owners = (const int64_t *)(block + starts[0]);
    a->alive = (const uint64_t *)(block + starts[1]);
    a->filters = (const int64_t *)(block + starts[2]);
    a->points = (const double *)(block + starts[3]);
    a->lengths = (const int32_t *)(block + starts[4]);
    a->ids = (const uint32_t *)(block + starts[5]);
    int64_t k = 0;
    for (int64_t f = 0; f < a->head.filters; f++) {
        if (k + 2 > a->head.filter_numbers || a->filters[k] < 0 || a->filters[k] >= ix->facets ||
            a->filters[k + 1] < 0 || a->filters[k + 1] > a->head.filter_numbers - k - 2)
            return 0;
        for (int64_t v = k + 2; v < k + 2 + a->filters[k + 1]; v++)
            if (a->filters[v] < 0 || a->filters[v] >= ix->starts[ix->facets])
                return 0;
        k += 2 + a->filters[k + 1];
    }
    return at == bytes && k == a->head.filter_numbers && a->head.sort < ix->sorts && a->head.limit >= 0 && a->head.limit <= MOST &&
           a->head.offset >= 0 && a->head.offset <= MOST && adds_up(a->lengths, n, a->head.characters);
}

static double rarity(const Group *public, int64_t term, int64_t field, double records) {
    double frequency = term < 0 ? 0.0 : public->frequencies[term * public->width + field];
    return log(1.0 + (records - frequency + 0.5) / (frequency + 0.5));
}

/* By field what a term's impacts are multiplied by; whether that is what whole rows are made with. A synonym gets no
 * more rarity than the word that it stands for has. */
static int worth(const Index *ix, const Group *g, const Group *stated, int64_t term, double weight, uint64_t hash,
                 const uint32_t *text, int64_t length, const uint32_t *like, int64_t like_length, float *weights) {
    int64_t one = -1, other = -1;
    int exact = 1;
    if (like_length) {
        one = find_name(&stated->names, hash_of(like, like_length), like, like_length);
        other = find_name(&stated->names, hash, text, length);
    }
    memset(weights, 0, WIDTH * sizeof *weights);
    for (int64_t f = 0; f < g->width; f++) {
        double cap = 1.0, records = (double)ix->segments->size;
        if (like_length) {
            cap = rarity(stated, one, f, records) / rarity(stated, other, f, records);
            if (cap > 1.0)
                cap = 1.0;
            if (cap < 1.0 && g->frequencies[term * g->width + f])
                exact = 0;
        }
        weights[f] = (float)(weight * g->weights[f] * cap);
    }
    return exact;
}

#ifdef __GNUC__
#define FETCH(place) __builtin_prefetch(place)
#else
#define FETCH(place) ((void)(place))
#endif

/* The hashes of all terms; those that address nothing have none. */
static void hash_terms(const Plan *p, uint64_t *hashes) {
    const uint32_t *text = p->text;
    for (int64_t n = 0; n < p->head.count; text += p->lengths[n++])
        hashes[n] = hash_of(text, p->lengths[n]);
}

/* Asks for the memory that looking the terms up will read, step by step for all of them: then they wait at once and not
 * one after the other. */
static void fetch(const Segment *s, const Plan *p, const uint64_t *hashes, int fine) {
    for (int step = 0; step < 4; step++)
        for (int64_t n = 0; n < p->head.count; n++) {
            if (p->addressed[n] == 255)
                continue;
            const Group *g = s->groups + (p->addressed[n] >> 4);
            const Names *names = &g->names;
            const int32_t *bucket = names->buckets + (hashes[n] >> (64 - names->bits));
            if (step == 0)
                FETCH(bucket);
            else if (*bucket < 0 || *bucket >= bucket[1] || *bucket >= names->texts.count)
                continue;
            else if (step == 1)
                FETCH(names->order + *bucket);
            else if (names->order[*bucket] < 0 || names->order[*bucket] >= names->texts.count)
                continue;
            else if (step == 2) {
                FETCH(names->texts.ends + names->order[*bucket]);
                FETCH((fine ? g->fine_starts : g->starts) + names->order[*bucket]);
            } else {
                int64_t length, start = (fine ? g->fine_starts : g->starts)[names->order[*bucket]];
                FETCH(string_of(&names->texts, names->order[*bucket], &length));
                if (start >= 0 && start < (fine ? g->fine_length : g->length)) {
                    FETCH((fine ? g->fine_documents : g->documents) + start);
                    if (!fine) /* of the other few are read */
                        FETCH(g->impacts + start);
                }
            }
        }
}

/* The rows of the terms that stand in a segment, in their order. */
static int64_t rows_of(const Index *ix, const Segment *s, const Plan *p, const uint64_t *hashes, Row *rows, int fine) {
    const uint32_t *text = p->text, *like = p->like;
    int64_t found = 0, n = 0;
    uint32_t base = 0;
    fetch(s, p, hashes, fine);
    for (int64_t unit = 0; unit < p->head.units; unit++) {
        int64_t terms = p->terms[unit], parts = p->parts[unit];
        for (int64_t k = 0; k < terms + parts; text += p->lengths[n], like += p->likes[n], n++, k++) {
            if (p->addressed[n] == 255)
                continue;
            int group = p->addressed[n] >> 4;
            const Group *g = s->groups + group;
            int64_t term = find_name(&g->names, hashes[n], text, p->lengths[n]);
            if (term < 0)
                continue;
            Row *row = rows + found;
            row->only = (p->addressed[n] & 15) - 1;
            int whole = row->only < 0 && !fine;
            whole &= worth(ix, g, ix->segments->groups + group, term, p->weights[n], hashes[n], text, p->lengths[n], like,
                           p->likes[n], row->weights);
            if (whole)
                row->weights[0] = (float)p->weights[n];
            const int64_t *starts = whole ? g->starts : g->fine_starts;
            int64_t length = whole ? g->length : g->fine_length;
            row->documents = whole ? g->documents : g->fine_documents;
            row->impacts = whole ? g->impacts : g->fine_impacts;
            row->fields = whole ? NULL : g->fields;
            row->at = starts[term];
            row->end = starts[term + 1];
            if (row->at < 0 || row->end > length)
                continue;
            row->unit = (uint32_t)unit + 1;
            row->stage = k < terms ? 0 : (uint32_t)(k - terms) + 1;
            row->base = base;
            row->parts = (uint32_t)parts;
            row->origin = (int32_t)n;
            found++;
        }
        base += (uint32_t)parts + 1;
    }
    return found;
}

/* The first place from `at` on whose document is not below. */
static int64_t skip(const int32_t *documents, int64_t at, int64_t end, int32_t document) {
    int64_t step = 1;
    while (at + step < end && documents[at + step] < document) {
        at += step;
        step *= 2;
    }
    int64_t low = at, high = at + step < end ? at + step : end;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (documents[middle] < document)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void meet(Sum *sum, const Row *row) {
    if (row->stage == 0) {
        sum->met = (uint16_t)(sum->met + (sum->seen != row->unit));
        sum->seen = (uint16_t)row->unit;
    } else if (row->stage == 1 || sum->stage == row->base + row->stage - 1) {
        sum->stage = row->base + row->stage;
        if (row->stage == row->parts && sum->seen != row->unit) {
            sum->met++;
            sum->seen = (uint16_t)row->unit;
        }
    }
}

/* Adds what a row gives to the `span` documents from `low`; whether it holds any of them. Rows rise; one that does
 * not, in a damaged file, ends early. */
static int add(Row *row, Sum *sums, int32_t low, uint32_t span) {
    int64_t at = row->at, end = row->end;
    const int32_t *documents = row->documents;
    const float *impacts = row->impacts;
    if (at < end && documents[at] < low)
        row->at = at = skip(documents, at, end, low);
    if (at == end || (uint32_t)documents[at] - (uint32_t)low >= span)
        return 0;
    double weight = row->weights[0];
    uint32_t place;
    if (!row->fields && !row->stage) /* most rows, in short */
        for (uint16_t unit = (uint16_t)row->unit; at < end && (place = (uint32_t)documents[at] - (uint32_t)low) < span; at++) {
            Sum *sum = sums + place;
            sum->points += weight * impacts[at];
            sum->met = (uint16_t)(sum->met + (sum->seen != unit));
            sum->seen = unit;
        }
    for (; at < end && (place = (uint32_t)documents[at] - (uint32_t)low) < span; at++) {
        if (row->fields) {
            int field = row->fields[at];
            if (field >= WIDTH || (row->only >= 0 && row->only != field))
                continue;
            weight = row->weights[field];
        }
        sums[place].points += weight * impacts[at];
        meet(sums + place, row);
    }
    row->at = at;
    return 1;
}

/* The same where nothing is asked of a document but that any row holds it: its sum is then not UNTOUCHED. */
static int add_plainly(Row *row, double *sums, int32_t low, uint32_t span) {
    int64_t at = row->at, end = row->end;
    const int32_t *documents = row->documents;
    const float *impacts = row->impacts;
    if (at < end && documents[at] < low)
        row->at = at = skip(documents, at, end, low);
    if (at == end || (uint32_t)documents[at] - (uint32_t)low >= span)
        return 0;
    double weight = row->weights[0];
    uint32_t place;
    if (row->fields)
        for (; at < end && (place = (uint32_t)documents[at] - (uint32_t)low) < span; at++) {
            int field = row->fields[at];
            if (field < WIDTH && (row->only < 0 || row->only == field))
                sums[place] += (double)row->weights[field] * impacts[at];
        }
    else
        for (; at < end && (place = (uint32_t)documents[at] - (uint32_t)low) < span; at++)
            sums[place] += weight * impacts[at];
    row->at = at;
    return 1;
}

/* The zero below 0, which every sum begins with: whatever is added that is not below 0, the sum is another. */
#define UNTOUCHED (-0.0)

static int touched(double sum) {
    uint64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    return bits != 0x8000000000000000u;
}

/* Whether the bare sums will do: a document needs no unit, or one, and each row of one meets it. */
static int is_plain(const Row *rows, int64_t length, int64_t need) {
    if (need <= 0)
        return 1;
    for (int64_t r = 0; r < length; r++)
        for (int64_t f = 0; f < (rows[r].fields ? WIDTH : 1); f++)
            if (rows[r].stage || signbit(rows[r].weights[f]) || isnan(rows[r].weights[f]))
                return 0;
    return need == 1;
}

/* Below 0 where the first string is before the other, by characters. */
static int compare(const Texts *one, int64_t a, const Texts *two, int64_t b) {
    int64_t length, other;
    const uint32_t *x = string_of(one, a, &length), *y = string_of(two, b, &other);
    for (int64_t i = 0; i < length && i < other; i++)
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    return length == other ? 0 : length < other ? -1 : 1;
}

static int compare_ranks(const Index *ix, int64_t sort, const Hit *a, const Hit *b) {
    const Sort *one = ix->segments[a->segment].sorts + sort, *two = ix->segments[b->segment].sorts + sort;
    int64_t x = one->ranks ? one->ranks[a->document] : -1, y = two->ranks ? two->ranks[b->document] : -1;
    return compare(&one->values, x, &two->values, y);
}

/* Whether one hit stands before another. Ranks are each segment's own: between two segments, texts decide. */
static int better(const Index *ix, const Asked *a, const Hit *one, const Hit *two) {
    if (one->segment == two->segment)
        return one->key > two->key || (one->key == two->key && one->order < two->order);
    int found = 0;
    if (a->head.sort >= 0)
        found = (a->head.falling ? -1 : 1) * compare_ranks(ix, a->head.sort, one, two);
    else if (one->key != two->key)
        return one->key > two->key;
    if (!found && ix->code >= 0)
        found = compare_ranks(ix, ix->code, one, two);
    if (!found)
        found = compare(&ix->segments[one->segment].ids.texts, one->document, &ix->segments[two->segment].ids.texts,
                        two->document);
    return found < 0;
}

/* Puts a hit in place of the worst, which stands first, and that place in order. */
static void sink(const Index *ix, const Asked *a, Hit *heap, int64_t count, Hit hit) {
    int64_t at = 0;
    while (2 * at + 1 < count) {
        int64_t child = 2 * at + 1;
        if (child + 1 < count && better(ix, a, heap + child, heap + child + 1))
            child++;
        if (!better(ix, a, &hit, heap + child))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = hit;
}

static void rise(const Index *ix, const Asked *a, Hit *heap, int64_t at, Hit hit) {
    for (; at && better(ix, a, heap + (at - 1) / 2, &hit); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = hit;
}

static int passes(const Index *ix, const Segment *s, const Asked *a, int64_t owner, const uint8_t *wanted,
                  int64_t cell) {
    if (owner >= 0 && s->owners[cell] && s->owners[cell] != owner)
        return 0;
    for (int64_t f = 0, k = 0; f < a->head.filters; f++, k += 2 + a->filters[k + 1])
        if (!wanted[s->values[cell * ix->facets + a->filters[k]]])
            return 0;
    return 1;
}

static int64_t extend(int32_t *ranges, int64_t count, int32_t from, int32_t to) {
    if (!count || ranges[2 * count - 1] != from)
        ranges[2 * count++] = from;
    ranges[2 * count - 1] = to;
    return count;
}

/* The ranges of documents that filters and clearance let pass, each by its first and the one after its last. */
static int64_t passing(const Index *ix, const Segment *s, const Asked *a, int64_t owner, const uint8_t *wanted,
                       int32_t *ranges) {
    int64_t count = 0;
    int open = owner < 0 || !s->sealed;
    if (open && a->head.filters == 0)
        return extend(ranges, 0, 0, (int32_t)s->size);
    if (open && a->head.filters == 1) {
        for (int64_t r = s->firsts[a->filters[0]]; r < s->firsts[a->filters[0] + 1]; r++)
            if (wanted[s->runs[3 * r + 2]])
                count = extend(ranges, count, s->runs[3 * r], s->runs[3 * r + 1]);
        return count;
    }
    for (int64_t cell = 0; cell < s->count; cell++)
        if (passes(ix, s, a, owner, wanted, cell))
            count = extend(ranges, count, s->cells[cell], s->cells[cell + 1]);
    return count;
}

/* Counts the values of the matches: `before` says by document how many match before it, between `from` and `to`. Few
 * are counted by their cells, many by runs. */
static void count_values(const Index *ix, const Segment *s, int64_t *counts, const int32_t *before, int32_t from,
                         int32_t to) {
    int64_t total = before[to];
    if (total * ix->facets < s->firsts[ix->facets]) {
        for (int32_t d = from; total; d++)
            if (before[d + 1] > before[d]) {
                const int32_t *values = s->values + (int64_t)s->cell[d] * ix->facets;
                for (int64_t f = 0; f < ix->facets; f++)
                    counts[values[f]]++;
                total--;
            }
        return;
    }
    for (const int32_t *run = s->runs; run < s->runs + 3 * s->firsts[ix->facets]; run += 3)
        if (run[0] < to && run[1] > from)
            counts[run[2]] += before[run[1] < to ? run[1] : to] - before[run[0] > from ? run[0] : from];
}

/* Everything that a search works in. */
typedef struct {
    Row *rows;
    uint64_t *hashes;
    Sum *sums;
    double *bare;
    Hit *best;
    Near *near;
    int64_t *counts, *sorted;
    int32_t *ranges, *before;
    uint8_t *wanted;
    int64_t count, top; /* hits kept, and how many may be */
} Work;

static int64_t next(int64_t *at, int64_t count, int64_t size) {
    int64_t start = *at;
    *at += (count * size + 15) / 16 * 16;
    return start;
}

static int lay_out(const Index *ix, const Plan *p, const Asked *a, Room *room, Work *w) {
    int64_t at = 0, values = ix->starts[ix->facets];
    w->count = 0;
    w->top = a->head.limit ? a->head.offset + a->head.limit : 0;
    int64_t rows = next(&at, p->head.count + 1, sizeof *w->rows), sums = next(&at, WINDOW, sizeof *w->sums);
    int64_t hashes = next(&at, p->head.count + 1, sizeof *w->hashes);
    int64_t best = next(&at, w->top + 1, sizeof *w->best), near = next(&at, a->head.nears + 1, sizeof *w->near);
    int64_t counts = next(&at, values + 1, sizeof *w->counts), sorted = next(&at, values + 1, sizeof *w->sorted);
    int64_t ranges = next(&at, 2 * ix->cells + 2, sizeof *w->ranges);
    int64_t before = next(&at, ix->size + 1, sizeof *w->before), wanted = next(&at, values + 1, 1);
    if (at > room->bytes) {
        room->wanted = at;
        return 0;
    }
    w->rows = (Row *)(room->work + rows);
    w->hashes = (uint64_t *)(room->work + hashes);
    w->sums = (Sum *)(room->work + sums);
    w->bare = (double *)(room->work + sums);
    w->best = (Hit *)(room->work + best);
    w->near = (Near *)(room->work + near);
    w->counts = (int64_t *)(room->work + counts);
    w->sorted = (int64_t *)(room->work + sorted);
    w->ranges = (int32_t *)(room->work + ranges);
    w->before = (int32_t *)(room->work + before);
    w->wanted = room->work + wanted;
    hash_terms(p, w->hashes);
    if (a->head.counted)
        memset(w->counts, 0, (size_t)values * sizeof *w->counts);
    if (a->head.filters) {
        memset(w->wanted, 0, (size_t)values);
        for (int64_t f = 0, k = 0; f < a->head.filters; f++, k += 2 + a->filters[k + 1])
            for (int64_t v = 0; v < a->filters[k + 1]; v++)
                w->wanted[a->filters[k + 2 + v]] = 1;
    }
    return 1;
}

/* Keeps a hit if it is one of the best; the key that the next must not be below. */
static double offer(const Index *ix, const Asked *a, Work *w, Hit hit) {
    if (w->count < w->top)
        rise(ix, a, w->best, w->count++, hit);
    else if (w->top && better(ix, a, &hit, w->best))
        sink(ix, a, w->best, w->count, hit);
    return w->count == w->top ? (w->top ? w->best[0].key : HUGE_VAL) : -HUGE_VAL;
}

static int by_document(const void *a, const void *b) {
    const Near *one = a, *two = b;
    if (one->document != two->document)
        return one->document < two->document ? -1 : 1;
    return one->points < two->points ? -1 : one->points > two->points;
}

/* The near documents of a segment with their points, rising. */
static int64_t near_of(const Segment *s, const Asked *a, Near *near) {
    const uint32_t *id = a->ids;
    int64_t found = 0;
    for (int64_t k = 0; k < a->head.nears; id += a->lengths[k++]) {
        int64_t number = find_name(&s->ids, hash_of(id, a->lengths[k]), id, a->lengths[k]);
        if (number >= 0 && number < s->size)
            near[found++] = (Near){a->points[k], (int32_t)number};
    }
    qsort(near, (size_t)found, sizeof *near, by_document);
    return found;
}

/* Runs a plan over a segment: how many documents match. Counts and hits grow by them. Every document's score is summed
 * in the order of the terms, whatever other documents there are. */
static int64_t search(const Index *ix, int32_t number, const Plan *p, const Asked *a, Work *w) {
    const Segment *s = ix->segments + number;
    const uint8_t *alive = a->alive[number] ? (const uint8_t *)(uintptr_t)a->alive[number] : s->alive;
    const int32_t *ranks = a->head.sort >= 0 ? s->sorts[a->head.sort].ranks : NULL;
    int64_t need = a->head.need, nears = near_of(s, a, w->near), near = 0;
    int64_t length = rows_of(ix, s, p, w->hashes, w->rows, 0);
    int64_t ranges = passing(ix, s, a, a->owners[number], w->wanted, w->ranges);
    int plain = is_plain(w->rows, length, need);
    int bare = plain && need > 0 && !alive && a->head.sort < 0; /* the usual case, in short */
    int32_t window = plain ? WINDOW : WINDOW / 2, total = 0;
    if (!ranges || (!length && need > 0 && !(nears && a->head.widens)))
        return 0;
    int32_t first = w->ranges[0], last = w->ranges[2 * ranges - 1], done = first;
    double least = a->head.sort < 0 && w->top && w->count == w->top ? w->best[0].key : -HUGE_VAL;
    for (int64_t range = 0; range < ranges;) {
        /* A window begins in a range and ends in one. */
        int32_t low = w->ranges[2 * range] > done ? w->ranges[2 * range] : done, high = low;
        int32_t most = s->size - low > window ? low + window : (int32_t)s->size;
        for (int64_t r = range; r < ranges && w->ranges[2 * r] < most; r++)
            high = w->ranges[2 * r + 1] < most ? w->ranges[2 * r + 1] : most;
        uint32_t span = (uint32_t)(high - low);
        int any = need <= 0;
        if (plain) {
            for (uint32_t k = 0; k < span; k++)
                w->bare[k] = UNTOUCHED;
            for (int64_t r = 0; r < length; r++)
                any |= add_plainly(w->rows + r, w->bare, low, span);
        } else {
            memset(w->sums, 0, span * sizeof *w->sums);
            for (int64_t r = 0; r < length; r++)
                any |= add(w->rows + r, w->sums, low, span);
        }
        for (; near < nears && w->near[near].document < high; near++) {
            int32_t place = w->near[near].document - low;
            if (place < 0)
                continue;
            any = 1;
            if (plain) {
                if (need <= 0 || a->head.widens || touched(w->bare[place]))
                    w->bare[place] += w->near[near].points;
                if (a->head.widens && !touched(w->bare[place]))
                    w->bare[place] = 0.0;
            } else {
                w->sums[place].points += w->near[near].points;
                if (a->head.widens)
                    w->sums[place].met = UINT16_MAX;
            }
        }
        for (; range < ranges && w->ranges[2 * range] < high; range++) {
            int32_t from = w->ranges[2 * range] > low ? w->ranges[2 * range] : low;
            int32_t to = w->ranges[2 * range + 1] < high ? w->ranges[2 * range + 1] : high;
            for (; done < from; done++)
                w->before[done] = total;
            for (int32_t d = from; d < to && bare; d++) {
                w->before[d] = total;
                if (!touched(w->bare[d - low]))
                    continue;
                total++;
                double key = (double)(float)w->bare[d - low];
                if (key >= least)
                    least = offer(ix, a, w, (Hit){key, s->order[d], d, number});
            }
            for (int32_t d = from; d < to && !bare; d++) {
                double points = plain ? w->bare[d - low] : w->sums[d - low].points;
                w->before[d] = total;
                if (!any || (alive && !alive[d]) ||
                    (need > 0 && !(plain ? touched(points) : w->sums[d - low].met >= need)))
                    continue;
                total++;
                Hit hit = {(double)(float)points, s->order[d], d, number};
                if (hit.key < least)
                    continue;
                if (a->head.sort >= 0)
                    hit.key = !ranks ? 0.0 : a->head.falling ? ranks[d] : -(double)ranks[d];
                double lowest = offer(ix, a, w, hit);
                if (a->head.sort < 0)
                    least = lowest;
            }
            done = to;
            if (w->ranges[2 * range + 1] > high)
                break;
        }
    }
    w->before[last] = total;
    if (a->head.counted && total)
        count_values(ix, s, w->counts, w->before, first, last);
    return total;
}

static int falling(const void *a, const void *b) {
    return *(const int64_t *)a < *(const int64_t *)b ? 1 : -1;
}

/* Answers a plan: how many match, what else was found then stands in `w`. -1 where that takes more room to work in, of
 * which `room` then says how much; -2 for blocks that do not agree with themselves or with the index. */
static int64_t run(const Index *ix, const uint8_t *plan, const uint8_t *asked, Room *room, Asked *a, Work *w) {
    Plan p;
    if (!read_plan(ix, plan, &p) || !read_asked(ix, asked, a))
        return -2;
    if (!lay_out(ix, &p, a, room, w))
        return -1;
    int64_t total = 0;
    for (int64_t n = 0; n < ix->count; n++)
        if (ix->segments[n].size)
            total += search(ix, (int32_t)n, &p, a, w);
    /* The worst goes to the end, and so on: the best stand first. */
    for (int64_t n = w->count - 1; n > 0; n--) {
        Hit worst = w->best[0];
        sink(ix, a, w->best, n, w->best[n]);
        w->best[n] = worst;
    }
    return total;
}

/* What a term gives to a record, which is known by its place among those that are asked about. */
typedef struct {
    int32_t place, term, unit, field;
    float score;
} Share;

typedef struct {
    Share *given;
    int64_t count, room;
} Shares;

/* A record of a segment that is asked about. */
typedef struct {
    int32_t document, place;
} Sought;

/* Puts the shares of every record together, the greatest first, equal ones in their order: a number that rises with
 * the score stands above the place in `found`. `keys` has room for them and `ends`, by record, is filled. */
static void sort_shares(const Share *found, int64_t count, Share *sorted, int64_t *keys, int64_t *ends,
                        int64_t documents) {
    int64_t at = 0;
    memset(ends, 0, (size_t)documents * sizeof *ends);
    for (int64_t k = 0; k < count; k++)
        ends[found[k].place]++;
    for (int64_t d = 0; d < documents; d++) {
        int64_t length = ends[d];
        ends[d] = at;
        at += length;
    }
    for (int64_t k = 0; k < count; k++) {
        float score = found[k].score + 0.0f; /* the zero below 0 is no other */
        int32_t bits;
        memcpy(&bits, &score, sizeof bits);
        keys[ends[found[k].place]++] = (int64_t)(bits < 0 ? bits ^ 0x7FFFFFFF : bits) * (1LL << 32) + (count - k);
    }
    for (int64_t d = 0, start = 0; d < documents; start = ends[d++])
        qsort(keys + start, (size_t)(ends[d] - start), sizeof *keys, falling);
    for (int64_t k = 0; k < count; k++)
        sorted[k] = found[count - (keys[k] & 0xFFFFFFFF)];
}

/* Whether there was memory to take a share. */
static int take(Shares *s, Share share) {
    if (s->count == s->room) {
        int64_t room = 2 * s->room + 512;
        Share *more = realloc(s->given, (size_t)room * sizeof *more);
        if (!more)
            return 0;
        s->given = more;
        s->room = room;
    }
    s->given[s->count++] = share;
    return 1;
}

/* Takes what rows give to some documents, which rise; equal ones may be asked about several times. */
static int share_rows(const Row *rows, int64_t length, const Sought *sought, int64_t count, Shares *found) {
    for (const Row *row = rows; row < rows + length; row++) {
        int64_t at = row->at, first = at;
        for (int64_t k = 0; k < count && first < row->end; k++) {
            if (k && sought[k].document == sought[k - 1].document)
                at = first;
            else if (at < row->end && row->documents[at] < sought[k].document)
                at = skip(row->documents, at, row->end, sought[k].document);
            first = at;
            for (; at < row->end && row->documents[at] == sought[k].document; at++)
                if (row->fields[at] < WIDTH && (row->only < 0 || row->only == row->fields[at])) {
                    float score = (float)((double)row->weights[row->fields[at]] * row->impacts[at]);
                    if (!take(found, (Share){sought[k].place, row->origin, (int32_t)row->unit - 1, row->fields[at], score}))
                        return 0;
                }
        }
    }
    return 1;
}

static int by_number(const void *a, const void *b) {
    const Sought *one = a, *two = b;
    if (one->document != two->document)
        return one->document < two->document ? -1 : 1;
    return one->place < two->place ? -1 : one->place > two->place;
}

/* ---- what Python calls: a module of its own, for its objects are read and made here ----
 *
 * Of what is asked only tuples, strings and numbers are read, all of which never change, and any other type is refused:
 * no code of Python's runs in between. So where something is walked through twice both walks see the same, and what the
 * first counted is all that the second writes. */

enum { TEXT, WEIGHT, GROUP, REASON, LIKE, TERM_SIZE };
enum { LABEL, TERMS, PARTS, UNIT_SIZE };

static int refuse(const char *what) {
    PyErr_SetString(PyExc_TypeError, what);
    return 0;
}

/* Whether it is a tuple; of `size` items, unless that is -1. `known` is the last type that was one. */
static int is_tuple(PyObject *it, PyTypeObject **known, Py_ssize_t size) {
    if ((Py_TYPE(it) != *known && !PyTuple_Check(it)) || (size >= 0 && PyTuple_Size(it) != size))
        return refuse("a plan is made of units, and these of terms");
    *known = Py_TYPE(it);
    return 1;
}

static int64_t length_of(PyObject *text) {
    if (!PyUnicode_CheckExact(text) && !PyUnicode_Check(text)) {
        refuse("a term's text is no string");
        return -1;
    }
    return PyUnicode_GetLength(text);
}

/* Checks tuples and strings, and counts. */
static int count_terms(PyObject *units, PlanHead *head) {
    PyTypeObject *known = NULL, *known_term = NULL;
    PyObject *last = NULL; /* most terms stand for nothing, the same empty string */
    int64_t like = 0;
    if (!is_tuple(units, &known, -1))
        return 0;
    head->units = PyTuple_Size(units);
    for (int64_t u = 0; u < head->units; u++) {
        PyObject *unit = PyTuple_GetItem(units, u);
        if (PyUnicode_Check(unit)) {
            head->count++;
            head->characters += PyUnicode_GetLength(unit);
            continue;
        }
        if (!is_tuple(unit, &known, UNIT_SIZE))
            return 0;
        for (int which = TERMS; which <= PARTS; which++) {
            PyObject *terms = PyTuple_GetItem(unit, which);
            if (!is_tuple(terms, &known, -1))
                return 0;
            int64_t size = PyTuple_Size(terms);
            head->count += size;
            for (int64_t k = 0; k < size; k++) {
                PyObject *term = PyTuple_GetItem(terms, k), *other;
                if (!is_tuple(term, &known_term, TERM_SIZE))
                    return 0;
                int64_t length = length_of(PyTuple_GetItem(term, TEXT));
                if ((other = PyTuple_GetItem(term, LIKE)) != last)
                    like = length_of(last = other);
                if (length < 0 || like < 0)
                    return 0;
                head->characters += length;
                head->like_characters += like;
            }
        }
    }
    if (head->units > MOST || head->count > MOST || head->characters > MOST || head->like_characters > MOST) {
        PyErr_SetString(PyExc_OverflowError, "a plan is too large");
        return 0;
    }
    return 1;
}

/* What a group stands for; 255 for one that there is not, below 0 for what cannot be. */
static long place_of(PyObject *number) {
    long place = number && PyLong_Check(number) ? PyLong_AsLong(number) : number ? -2 : 255;
    if (place >= 0 && place <= 255 && !PyErr_Occurred())
        return place;
    if (!PyErr_Occurred())
        refuse("what a group stands for is no byte");
    return -1;
}

/* Writes what count_terms counted; 0 for a weight that is no number or too large, and for groups and places that are
 * none. */
static int write_terms(PyObject *units, PyObject *places, const PlanHead *head, uint8_t *block) {
    double *weights = (double *)(block + sizeof *head);
    int32_t *lengths = (int32_t *)(weights + head->count), *likes = lengths + head->count;
    int32_t *sizes = likes + head->count;
    uint32_t *text = (uint32_t *)(sizes + 2 * head->units), *like = text + head->characters;
    uint8_t *addressed = (uint8_t *)(like + head->like_characters);
    PyObject *last_group = NULL, *last = NULL;
    int64_t other = 0;
    long place = 255, words = place_of(PyDict_GetItemString(places, "words"));
    memcpy(block, head, sizeof *head);
    for (int64_t u = 0; u < head->units; u++) {
        PyObject *unit = PyTuple_GetItem(units, u);
        if (PyUnicode_Check(unit)) {
            if (words < 0)
                return 0;
            *weights++ = 1.0;
            *lengths = (int32_t)PyUnicode_GetLength(unit);
            *likes++ = 0;
            sizes[u] = 1;
            sizes[u + head->units] = 0;
            *addressed++ = (uint8_t)words;
            if (!PyUnicode_AsUCS4(unit, text, *lengths, 0))
                return 0;
            text += *lengths++;
            continue;
        }
        for (int which = TERMS; which <= PARTS; which++) {
            PyObject *terms = PyTuple_GetItem(unit, which);
            int64_t size = PyTuple_Size(terms);
            sizes[u + (which == PARTS ? head->units : 0)] = (int32_t)size;
            for (int64_t k = 0; k < size; k++) {
                PyObject *term = PyTuple_GetItem(terms, k), *weight = PyTuple_GetItem(term, WEIGHT);
                PyObject *string = PyTuple_GetItem(term, TEXT), *stands_for = PyTuple_GetItem(term, LIKE);
                PyObject *group = PyTuple_GetItem(term, GROUP);
                if (!PyFloat_Check(weight) && !PyLong_Check(weight))
                    return refuse("a term's weight is no number");
                *weights = PyFloat_Check(weight) ? PyFloat_AsDouble(weight) : PyLong_AsDouble(weight);
                if (*weights++ == -1.0 && PyErr_Occurred())
                    return 0;
                if (group != last_group) {
                    if (!PyUnicode_CheckExact(group))
                        return refuse("a term's group is no string");
                    if ((place = place_of(PyDict_GetItemWithError(places, group))) < 0)
                        return 0;
                    last_group = group;
                }
                *addressed++ = (uint8_t)place;
                int64_t length = PyUnicode_GetLength(string);
                if (!PyUnicode_AsUCS4(string, text, length, 0))
                    return 0;
                text += *lengths++ = (int32_t)length;
                if (stands_for != last)
                    other = PyUnicode_GetLength(last = stands_for);
                if (other && !PyUnicode_AsUCS4(stands_for, like, other, 0))
                    return 0;
                like += *likes++ = (int32_t)other;
            }
        }
    }
    return 1;
}

/* terms(units, places): the block of a plan's units that read_plan reads, as bytes; `units` are tuples as
 * indexer/engine.py has them, or bare words; `places` say what groups and fields are addressed by. */
static PyObject *terms(PyObject *module, PyObject *const *given, Py_ssize_t count) {
    PlanHead head = {0};
    (void)module;
    if (count != 2 || !PyDict_CheckExact(given[1])) {
        refuse("places are no dict");
        return NULL;
    }
    if (!count_terms(given[0], &head))
        return NULL;
    head.bytes = (int64_t)sizeof head + 17 * head.count + 8 * head.units + 4 * (head.characters + head.like_characters);
    PyObject *made = PyBytes_FromStringAndSize(NULL, head.bytes);
    if (made && !write_terms(given[0], given[1], &head, (uint8_t *)PyBytes_AsString(made))) {
        Py_DecRef(made);
        return NULL;
    }
    return made;
}

enum { NEED, NEAR, WIDENS, FILTERS, OWNERS, ALIVE, SORT, FALLING, OFFSET, LIMIT, COUNTS, ASKED_SIZE };

/* A number; too large a one stands for the largest. */
static int64_t number_of(PyObject *it) {
    int overflow = 0;
    int64_t number = PyLong_Check(it) ? PyLong_AsLongLongAndOverflow(it, &overflow) : refuse("what is asked is no number");
    return overflow ? overflow * (int64_t)MOST : number;
}

static int64_t size_of(PyObject *it) {
    if (PyTuple_Check(it))
        return PyTuple_Size(it);
    refuse("what is asked is no tuple");
    return -1;
}

/* What is asked (indexer/engines/ranking.py) as the block that read_asked reads, to be freed; none where that cannot
 * be. */
static uint8_t *asked_of(const Index *ix, PyObject *asked) {
    AskedHead head = {0};
    if (size_of(asked) != ASKED_SIZE)
        return PyErr_Occurred() ? NULL : (refuse("something is asked for that there is not"), NULL);
    PyObject *near = PyTuple_GetItem(asked, NEAR), *filters = PyTuple_GetItem(asked, FILTERS);
    PyObject *owners = PyTuple_GetItem(asked, OWNERS), *alive = PyTuple_GetItem(asked, ALIVE);
    int64_t records = 0;
    for (int64_t n = 0; n < ix->count; n++)
        records += ix->segments[n].size;
    head.need = number_of(PyTuple_GetItem(asked, NEED));
    head.widens = number_of(PyTuple_GetItem(asked, WIDENS));
    head.sort = number_of(PyTuple_GetItem(asked, SORT));
    head.falling = number_of(PyTuple_GetItem(asked, FALLING));
    head.offset = number_of(PyTuple_GetItem(asked, OFFSET));
    head.limit = number_of(PyTuple_GetItem(asked, LIMIT));
    head.counted = number_of(PyTuple_GetItem(asked, COUNTS));
    head.nears = size_of(near);
    head.filter_numbers = size_of(filters);
    int64_t open = alive == Py_None ? ix->count : size_of(alive);
    if (PyErr_Occurred() || size_of(owners) != ix->count || open != ix->count)
        return PyErr_Occurred() ? NULL : (refuse("not every segment is asked"), NULL);
    head.offset = head.offset < records ? head.offset : records;
    head.limit = head.limit < records ? head.limit : records;
    for (int64_t k = 0; k < head.nears; k++) {
        PyObject *pair = PyTuple_GetItem(near, k);
        int64_t length = size_of(pair) == 2 ? length_of(PyTuple_GetItem(pair, 0)) : -1;
        if (length < 0 || !PyFloat_Check(PyTuple_GetItem(pair, 1)))
            return PyErr_Occurred() ? NULL : (refuse("what is near is no id with points"), NULL);
        head.characters += length;
    }
    head.bytes = (int64_t)sizeof head + 8 * (2 * ix->count + head.filter_numbers) + 12 * head.nears + 4 * head.characters;
    uint8_t *block = malloc((size_t)head.bytes);
    if (!block)
        return (uint8_t *)PyErr_NoMemory();
    int64_t *owner = (int64_t *)(block + sizeof head), *left = owner + ix->count, *filter = left + ix->count;
    double *points = (double *)(filter + head.filter_numbers);
    int32_t *lengths = (int32_t *)(points + head.nears);
    uint32_t *ids = (uint32_t *)(lengths + head.nears);
    for (int64_t n = 0; n < ix->count; n++) {
        owner[n] = number_of(PyTuple_GetItem(owners, n));
        left[n] = alive == Py_None ? 0 : (int64_t)(intptr_t)PyLong_AsVoidPtr(PyTuple_GetItem(alive, n));
    }
    for (int64_t k = 0; k < head.filter_numbers; k++)
        filter[k] = number_of(PyTuple_GetItem(filters, k));
    for (int64_t k = 0; k + 1 < head.filter_numbers && filter[k + 1] >= 0 && filter[k + 1] <= MOST; k += 2 + filter[k + 1])
        head.filters++;
    for (int64_t k = 0; k < head.nears; k++) {
        PyObject *pair = PyTuple_GetItem(near, k), *id = PyTuple_GetItem(pair, 0);
        points[k] = PyFloat_AsDouble(PyTuple_GetItem(pair, 1));
        lengths[k] = (int32_t)PyUnicode_GetLength(id);
        if (lengths[k] && !PyUnicode_AsUCS4(id, ids, lengths[k], 0))
            break;
        ids += lengths[k];
    }
    memcpy(block, &head, sizeof head);
    if (!PyErr_Occurred())
        return block;
    free(block);
    return NULL;
}

/* Puts an item, which is let go of, into a tuple. */
static int put(PyObject *tuple, Py_ssize_t at, PyObject *item) { return item && !PyTuple_SetItem(tuple, at, item); }

/* Python's string of some characters; ids are nearly always ASCII, which is sooner. */
static PyObject *string(const uint32_t *text, int64_t length) {
    char buffer[64];
    int order = NATIVE;
    uint32_t all = 0;
    for (int64_t k = 0; k < length && length <= 64; k++) {
        all |= text[k];
        buffer[k] = (char)text[k];
    }
    return length <= 64 && all < 128 ? PyUnicode_FromStringAndSize(buffer, length)
                                     : PyUnicode_DecodeUTF32((const char *)text, 4 * length, "surrogatepass", &order);
}

/* The hits of the page, and how many. */
static int64_t paged(const Asked *a, const Work *w, const Hit **hits) {
    *hits = w->best + a->head.offset;
    return w->count > a->head.offset ? w->count - a->head.offset : 0;
}

/* A hit's score in whole parts of one; of lists 0. */
static double score_of(const Asked *a, const Hit *hit, double parts) {
    return a->head.sort < 0 ? rint(hit->key * parts) / parts : 0.0;
}

/* The ids of the page and their scores. */
static int page(const Index *ix, const Asked *a, const Work *w, double parts, PyObject **ids, PyObject **keys) {
    const Hit *hits;
    int64_t kept = paged(a, w, &hits);
    *ids = PyTuple_New(kept);
    *keys = PyTuple_New(kept);
    for (int64_t k = 0; *ids && *keys && k < kept; k++) {
        int64_t length;
        const uint32_t *id = string_of(&ix->segments[hits[k].segment].ids.texts, hits[k].document, &length);
        if (!put(*ids, k, string(id, length)) || !put(*keys, k, PyFloat_FromDouble(score_of(a, hits + k, parts))))
            return 0;
    }
    return *ids && *keys;
}

/* By facet the counts of its values, the most first and equal ones in their order; `names` are the facets', `values`
 * those of all. `sorted` has room for all counts. */
static PyObject *facets(const Index *ix, const Asked *a, const Work *w, PyObject *names, PyObject *values, int64_t *sorted) {
    PyObject *found = PyDict_New();
    for (int64_t f = 0; found && f < ix->facets; f++) {
        PyObject *counts = PyDict_New();
        int64_t n = 0;
        if (a->head.counted)
            for (int64_t v = ix->starts[f] + 1; v < ix->starts[f + 1]; v++)
                if (w->counts[v])
                    sorted[n++] = w->counts[v] << 24 | (0xFFFFFF - v);
        qsort(sorted, (size_t)n, sizeof *sorted, falling);
        int failed = !counts;
        for (int64_t k = 0; k < n && !failed; k++) {
            PyObject *size = PyLong_FromLongLong(sorted[k] >> 24);
            failed = !size || PyDict_SetItem(counts, PyTuple_GetItem(values, 0xFFFFFF - (sorted[k] & 0xFFFFFF)), size);
            Py_XDECREF(size);
        }
        if (failed || PyDict_SetItem(found, PyTuple_GetItem(names, f), counts))
            Py_CLEAR(found);
        Py_XDECREF(counts);
    }
    return found;
}

static const uint8_t *misunderstood(void) {
    PyErr_SetString(PyExc_ValueError, "the kernel does not understand a plan");
    return NULL;
}

/* A block of terms, as long as it says; none with Python's error. */
static const uint8_t *block_of(PyObject *terms) {
    if (!PyBytes_Check(terms) || PyBytes_Size(terms) < (Py_ssize_t)sizeof(PlanHead))
        return (refuse("terms are no block"), NULL);
    const uint8_t *block = (const uint8_t *)PyBytes_AsString(terms);
    return ((const PlanHead *)block)->bytes == PyBytes_Size(terms) ? block : misunderstood();
}

/* Runs what is asked of an index by a block of terms: how many match, or what run says beside that; -3 with Python's
 * error. `block` is what `a` points into, to be freed. */
static int64_t answer(const Index *ix, PyObject *const *given, Room *room, int large, Asked *a, Work *w, uint8_t **block) {
    const uint8_t *plan = block_of(given[1]);
    if (!plan || !(*block = asked_of(ix, given[2])))
        return -3;
    PyThreadState *others = large ? PyEval_SaveThread() : NULL;
    int64_t total = run(ix, plan, *block, room, a, w);
    if (others)
        PyEval_RestoreThread(others);
    return total != -2 ? total : (misunderstood(), -3);
}

/* ask(index, terms, asked, room, large, names, values, parts): ids, scores in so many parts of one, total and facets, as
 * indexer/engine.py ranks them; or None where `room` says that it is too small. Blocks and room belong to the calling
 * thread; when the index is large, other threads run while it is searched. */
static PyObject *ask(PyObject *module, PyObject *const *given, Py_ssize_t count) {
    (void)module;
    if (count != 8 || !PyFloat_Check(given[7]))
        return (refuse("a plan is asked in eight parts"), NULL);
    const Index *ix = PyLong_AsVoidPtr(given[0]);
    Room *room = PyLong_AsVoidPtr(given[3]);
    if (!ix || !room || size_of(given[5]) != ix->facets || size_of(given[6]) != ix->starts[ix->facets])
        return PyErr_Occurred() ? NULL : (refuse("facets do not agree with the index"), NULL);
    Asked a;
    Work w;
    uint8_t *block = NULL;
    int64_t total = answer(ix, given, room, PyObject_IsTrue(given[4]), &a, &w, &block);
    PyObject *found = NULL, *ids = NULL, *keys = NULL;
    if (total == -1)
        Py_IncRef(found = Py_None);
    else if (total >= 0 && page(ix, &a, &w, PyFloat_AsDouble(given[7]), &ids, &keys) && (found = PyTuple_New(4))) {
        PyObject *counted = facets(ix, &a, &w, given[5], given[6], w.sorted);
        if (!put(found, 2, PyLong_FromLongLong(total)) || !put(found, 3, counted))
            Py_CLEAR(found);
        else {
            put(found, 0, ids);
            put(found, 1, keys);
            ids = keys = NULL;
        }
    }
    Py_XDECREF(ids);
    Py_XDECREF(keys);
    free(block);
    return found;
}

/* lead(index, terms, asked, room, large, parts): the numbers of the best, 8 bytes each, and their scores as ask has them;
 * those of a segment follow those of the segments before it. None where `room` says that it is too small. */
static PyObject *lead(PyObject *module, PyObject *const *given, Py_ssize_t count) {
    (void)module;
    const Index *ix = count == 6 ? PyLong_AsVoidPtr(given[0]) : NULL;
    Room *room = ix ? PyLong_AsVoidPtr(given[3]) : NULL;
    if (!room || !PyFloat_Check(given[5]))
        return PyErr_Occurred() ? NULL : (refuse("the best are asked for in six parts"), NULL);
    double parts = PyFloat_AsDouble(given[5]);
    Asked a;
    Work w;
    uint8_t *block = NULL;
    int64_t total = answer(ix, given, room, PyObject_IsTrue(given[4]), &a, &w, &block);
    PyObject *found = NULL, *numbers = NULL, *keys = NULL;
    if (total == -1)
        Py_IncRef(found = Py_None);
    else if (total >= 0) {
        const Hit *hits;
        int64_t kept = paged(&a, &w, &hits);
        numbers = PyBytes_FromStringAndSize(NULL, 8 * kept);
        keys = PyBytes_FromStringAndSize(NULL, 8 * kept);
        for (int64_t k = 0; numbers && keys && k < kept; k++) {
            int64_t number = hits[k].document;
            double key = score_of(&a, hits + k, parts);
            for (int32_t n = 0; n < hits[k].segment; n++)
                number += ix->segments[n].size;
            memcpy(PyBytes_AsString(numbers) + 8 * k, &number, 8);
            memcpy(PyBytes_AsString(keys) + 8 * k, &key, 8);
        }
        if (numbers && keys)
            found = PyTuple_Pack(2, numbers, keys);
    }
    Py_XDECREF(numbers);
    Py_XDECREF(keys);
    free(block);
    return found;
}

/* The number of a record, which is known by its id or by its number through all segments, in a segment that begins at
 * `base`; -1 where it is not there, -2 with Python's error. */
static int64_t record_of(const Segment *s, int64_t base, PyObject *record) {
    uint32_t buffer[64], *text = buffer;
    int64_t number;
    if (PyLong_Check(record))
        number = number_of(record) - base;
    else {
        int64_t length = length_of(record);
        if (length >= 64)
            text = PyUnicode_AsUCS4Copy(record);
        else if (length >= 0)
            text = PyUnicode_AsUCS4(record, buffer, 64, 1);
        if (length < 0 || !text)
            return -2;
        number = find_name(&s->ids, hash_of(text, length), text, length);
        if (text != buffer)
            PyMem_Free(text);
    }
    return number >= 0 && number < s->size && (!s->alive || s->alive[number]) ? number : -1;
}

/* What the terms of a block give to records, as far as these are here; 0 with Python's error where that cannot be
 * told. */
static int shares_of(const Index *ix, PyObject *block, PyObject *records, Shares *found) {
    Plan p;
    int64_t count = size_of(records), base = 0;
    if (count < 0 || count > MOST)
        return PyErr_Occurred() ? 0 : refuse("too many records are explained");
    const uint8_t *terms = block_of(block);
    if (!terms)
        return 0;
    if (!read_plan(ix, terms, &p)) {
        misunderstood();
        return 0;
    }
    Row *rows = malloc((size_t)(p.head.count + 1) * sizeof *rows);
    uint64_t *hashes = malloc((size_t)(p.head.count + 1) * sizeof *hashes);
    Sought *sought = malloc((size_t)(count + 1) * sizeof *sought);
    int enough = rows && hashes && sought;
    if (enough)
        hash_terms(&p, hashes);
    for (int64_t n = 0; enough && n < ix->count && !PyErr_Occurred(); n++) {
        const Segment *s = ix->segments + n;
        int64_t here = 0;
        for (int64_t k = 0, number; k < count && (number = record_of(s, base, PyTuple_GetItem(records, k))) > -2; k++)
            if (number >= 0)
                sought[here++] = (Sought){(int32_t)number, (int32_t)k};
        base += s->size;
        if (!here || PyErr_Occurred())
            continue;
        qsort(sought, (size_t)here, sizeof *sought, by_number);
        enough = share_rows(rows, rows_of(ix, s, &p, hashes, rows, 1), sought, here, found);
    }
    free(rows);
    free(hashes);
    free(sought);
    if (!enough)
        PyErr_NoMemory();
    return enough && !PyErr_Occurred();
}

/* A share as a `part`: the unit's number, the term out of `own`, the field out of `fields`, and the score. */
static PyObject *part_of(const Share *share, PyObject *own, PyObject *fields, PyTypeObject *part) {
    newfunc make = (newfunc)PyType_GetSlot(&PyTuple_Type, Py_tp_new);
    PyObject *field = share->field < size_of(fields) ? PyTuple_GetItem(fields, share->field) : NULL;
    PyObject *term = PyTuple_GetItem(own, share->term), *row = PyTuple_New(4), *outer = NULL, *made = NULL;
    if (row && field && term) {
        Py_IncRef(term);
        Py_IncRef(field);
        if (put(row, 0, PyLong_FromLong(share->unit)) && put(row, 1, term) && put(row, 2, field) &&
            put(row, 3, PyFloat_FromDouble(share->score)) && (outer = PyTuple_Pack(1, row)))
            made = make(part, outer, NULL);
    }
    Py_XDECREF(outer);
    Py_XDECREF(row);
    if (!made && !PyErr_Occurred())
        refuse("there is no such field");
    return made;
}

/* The parts of one record, or the strongest of each of `most` units, if that is not 0. */
static PyObject *parts_of(const Share *shares, int64_t count, int64_t most, const uint8_t *addressed, PyObject *own,
                          PyObject *fields, PyTypeObject *part) {
    int32_t units[MOST_PARTS];
    PyObject *parts = PyList_New(0);
    int64_t told = 0;
    for (const Share *share = shares; parts && share < shares + count && (!most || told < most); share++) {
        int64_t k = 0;
        PyObject *group = PyTuple_GetItem(fields, addressed[share->term] >> 4);
        while (most && k < told && units[k] != share->unit)
            k++;
        if (group == Py_None || (most && k < told))
            continue;
        PyObject *made = group ? part_of(share, own, group, part) : NULL;
        if (!made || PyList_Append(parts, made))
            Py_CLEAR(parts);
        Py_XDECREF(made);
        if (most)
            units[told++] = share->unit;
    }
    return parts;
}

/* explain(index, terms, records, own, fields, part, most): by record what every term gives to it, the greatest first
 * and equal ones by terms and fields, as part_of makes it. Groups whose `fields` are None are left out; `most` is as
 * parts_of has it. */
static PyObject *explain(PyObject *module, PyObject *const *given, Py_ssize_t count) {
    Shares found = {0};
    (void)module;
    if (count != 7 || !PyType_Check(given[5]) || !PyType_IsSubtype((PyTypeObject *)given[5], &PyTuple_Type))
        return (refuse("records are explained in seven parts"), NULL);
    const Index *ix = PyLong_AsVoidPtr(given[0]);
    int64_t own = size_of(given[3]), most = number_of(given[6]);
    PyObject *explained = NULL;
    if (!PyErr_Occurred() && (!ix || size_of(given[4]) < 0 || most < 0 || most > MOST_PARTS))
        refuse("records are explained by an index");
    if (PyErr_Occurred() || !shares_of(ix, given[1], given[2], &found)) {
        free(found.given);
        return NULL;
    }
    int64_t records = PyTuple_Size(given[2]), at = 0;
    const uint8_t *addressed = (const uint8_t *)PyBytes_AsString(given[1]) + PyBytes_Size(given[1]) - own;
    Share *sorted = malloc((size_t)(found.count + 1) * sizeof *sorted);
    int64_t *keys = malloc((size_t)(found.count + 1) * sizeof *keys), *ends = malloc((size_t)(records + 1) * sizeof *ends);
    if (((const PlanHead *)PyBytes_AsString(given[1]))->count != own)
        refuse("every term is needed to explain by");
    else if (!sorted || !keys || !ends)
        PyErr_NoMemory();
    else {
        sort_shares(found.given, found.count, sorted, keys, ends, records);
        explained = PyList_New(records);
    }
    for (int64_t k = 0; explained && k < records; at = ends[k++]) {
        PyTypeObject *part = (PyTypeObject *)given[5];
        PyObject *parts = parts_of(sorted + at, ends[k] - at, most, addressed, given[3], given[4], part);
        if (!parts || PyList_SetItem(explained, k, parts))
            Py_CLEAR(explained);
    }
    free(found.given);
    free(sorted);
    free(keys);
    free(ends);
    return explained;
}

/* By unit what it says: its first term's weight times the rarity of that in the fields of a group, where it is the
 * lowest. */
static void rarities(const Index *ix, const Plan *p, int64_t group, double *found) {
    const Group *g = ix->segments->groups + group;
    const uint32_t *text = p->text;
    for (int64_t unit = 0, n = 0; unit < p->head.units; unit++) {
        found[unit] = 0.0;
        for (int32_t k = 0; k < p->terms[unit] + p->parts[unit]; text += p->lengths[n++], k++) {
            if (k)
                continue;
            int64_t term = find_name(&g->names, hash_of(text, p->lengths[n]), text, p->lengths[n]);
            int64_t most = 0;
            for (int64_t f = 1; f < g->width && term >= 0; f++)
                most = g->frequencies[term * g->width + f] > g->frequencies[term * g->width + most] ? f : most;
            found[unit] = p->weights[n] * rarity(g, term, most, (double)ix->segments->size);
        }
    }
}

/* shares(index, terms, records, sizes, group): the records follow each other in groups of those sizes: for each group how
 * much of what the units say, between 0 and 1, any of its records holds. What a unit says is told of a group of fields. */
static PyObject *shares(PyObject *module, PyObject *const *given, Py_ssize_t count) {
    Shares found = {0};
    (void)module;
    const Index *ix = count == 5 ? PyLong_AsVoidPtr(given[0]) : NULL;
    int64_t groups = ix ? size_of(given[3]) : -1, fields = ix ? number_of(given[4]) : -1, records = 0;
    if (groups < 0 || fields < 0 || fields >= ix->groups || !shares_of(ix, given[1], given[2], &found)) {
        free(found.given);
        return PyErr_Occurred() ? NULL : (refuse("shares are told of terms and records"), NULL);
    }
    Plan p;
    read_plan(ix, (const uint8_t *)PyBytes_AsString(given[1]), &p);
    int64_t units = p.head.units, asked = PyTuple_Size(given[2]);
    double *said = malloc((size_t)(units + 1) * sizeof *said), whole = 0.0;
    int32_t *of = malloc((size_t)(asked + 1) * sizeof *of);
    uint8_t *held = calloc((size_t)(groups * units + 1), 1);
    PyObject *made = said && of && held ? PyTuple_New(groups) : PyErr_NoMemory();
    for (int64_t n = 0; made && n < groups; n++) {
        int64_t size = number_of(PyTuple_GetItem(given[3], n));
        for (; size > 0 && records < asked; size--)
            of[records++] = (int32_t)n;
        if (size && !PyErr_Occurred())
            refuse("groups are not as large as they say");
        if (PyErr_Occurred())
            Py_CLEAR(made);
    }
    if (made && records < asked) {
        refuse("not every record is of a group");
        Py_CLEAR(made);
    }
    if (made) {
        rarities(ix, &p, fields, said);
        for (int64_t n = 0; n < found.count; n++)
            held[of[found.given[n].place] * units + found.given[n].unit] = 1;
        for (int64_t u = 0; u < units; u++)
            whole += said[u];
    }
    for (int64_t n = 0; made && n < groups; n++) {
        double sum = 0.0;
        for (int64_t u = 0; u < units; u++)
            sum += held[n * units + u] ? said[u] : 0.0;
        if (!put(made, n, PyFloat_FromDouble(whole ? sum / whole : 0.0)))
            Py_CLEAR(made);
    }
    free(found.given);
    free(said);
    free(of);
    free(held);
    return made;
}

/* ---- words: the same module ---- */

/* Longer texts are cut while other threads run; shorter ones take less time than getting Python's lock back may. */
#define LONG 4000

/* Whether part of a text is a word to be kept: `word` is no stop word, and there is a letter, a figure or a percentage in
 * it. -1 with Python's error. */
static int is_kept(const uint32_t *text, Piece piece, PyObject *word, PyObject *stop) {
    int matters = 0;
    for (int32_t i = piece.start; i < piece.end && !matters; i++)
        matters = is_han(text[i]) || latin(text[i]) || text[i] == '_' || text[i] == '%' || text[i] == 0x2030;
    if (!matters && text[piece.start] >= 128) { /* stands alone, outside of all blocks */
        PyObject *answer = PyObject_CallMethod(word, "isalnum", NULL);
        if (!answer)
            return -1;
        matters = answer == Py_True;
        Py_DecRef(answer);
    }
    int stops = matters ? PySet_Contains(stop, word) : 1;
    return stops < 0 ? -1 : !stops;
}

/* Adds part of a text to the words, if it is to be kept; not if it is `known`, if that is given. */
static int add_word(PyObject *words, PyObject *string, const uint32_t *text, Piece piece, PyObject *stop, PyObject *known) {
    PyObject *made = PyUnicode_Substring(string, piece.start, piece.end), *word = NULL;
    int kept = -1;
    if (made && (word = PyObject_CallFunctionObjArgs(PySys_GetObject("intern"), made, NULL)))
        kept = is_kept(text, piece, word, stop);
    if (kept > 0 && known) {
        int there = PySet_Contains(known, word);
        kept = there < 0 ? -1 : !there;
    }
    if (kept > 0 && PyList_Append(words, word))
        kept = -1;
    Py_XDECREF(made);
    Py_XDECREF(word);
    return kept >= 0;
}

/* The words of a string; with `inside` all the known ones in it and then what is left, known ones not again. */
static PyObject *cut_string(const Table *t, PyObject *stop, PyObject *string, int inside) {
    if (!PyUnicode_CheckExact(string))
        return (refuse("what is cut is no string"), NULL);
    int64_t n = PyUnicode_GetLength(string);
    uint32_t *text = n <= MOST ? PyUnicode_AsUCS4Copy(string) : NULL;
    if (!text)
        return n <= MOST ? NULL : PyErr_NoMemory();
    Cut c;
    PyThreadState *others = n > LONG ? PyEval_SaveThread() : NULL;
    int enough = cut(t, text, n, inside, &c);
    if (others)
        PyEval_RestoreThread(others);
    PyObject *words = enough ? PyList_New(0) : PyErr_NoMemory(), *known = NULL;
    for (int64_t k = c.found - 1; words && k >= 0; k--)
        if (!add_word(words, string, text, c.edges[k], stop, NULL))
            Py_CLEAR(words);
    for (int64_t k = 0; words && k < c.count; k++) {
        int longer = inside && c.pieces[k].end - c.pieces[k].start > 1; /* all edges are */
        if ((longer && !known && !(known = PySet_New(words))) ||
            !add_word(words, string, text, c.pieces[k], stop, longer ? known : NULL))
            Py_CLEAR(words);
    }
    Py_XDECREF(known);
    free(c.pieces);
    free(c.edges);
    PyMem_Free(text);
    return words;
}

/* words(table, stop, text): the words of a text in order, but for stop words and signs. */
static PyObject *words(PyObject *module, PyObject *const *given, Py_ssize_t count) {
    (void)module;
    const Table *t = count == 3 && PyAnySet_Check(given[1]) ? PyLong_AsVoidPtr(given[0]) : NULL;
    if (!t)
        return PyErr_Occurred() ? NULL : (refuse("a text is cut by a dictionary"), NULL);
    return cut_string(t, given[1], given[2], 0);
}

/* tokens(table, stop, texts): of each text of a tuple every known word in it, and every other word of it. */
static PyObject *tokens(PyObject *module, PyObject *const *given, Py_ssize_t count) {
    (void)module;
    const Table *t = count == 3 && PyAnySet_Check(given[1]) && PyTuple_Check(given[2]) ? PyLong_AsVoidPtr(given[0]) : NULL;
    if (!t)
        return PyErr_Occurred() ? NULL : (refuse("texts are cut by a dictionary"), NULL);
    Py_ssize_t size = PyTuple_Size(given[2]);
    PyObject *found = PyList_New(size);
    for (Py_ssize_t k = 0; found && k < size; k++) {
        PyObject *words = cut_string(t, given[1], PyTuple_GetItem(given[2], k), 1);
        if (!words || PyList_SetItem(found, k, words))
            Py_CLEAR(found);
    }
    return found;
}

static PyMethodDef functions[] = {
    {"words", (PyCFunction)(void (*)(void))words, METH_FASTCALL, NULL},
    {"tokens", (PyCFunction)(void (*)(void))tokens, METH_FASTCALL, NULL},
    {"explain", (PyCFunction)(void (*)(void))explain, METH_FASTCALL, NULL},
    {"shares", (PyCFunction)(void (*)(void))shares, METH_FASTCALL, NULL},
    {"terms", (PyCFunction)(void (*)(void))terms, METH_FASTCALL, NULL},
    {"lead", (PyCFunction)(void (*)(void))lead, METH_FASTCALL, NULL},
    {"ask", (PyCFunction)(void (*)(void))ask, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_kernel", NULL, 0, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__kernel(void) { return PyModuleDef_Init(&definition); }
