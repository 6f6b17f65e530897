/* The arithmetic of jieba's segmentation over a flat dictionary: the same words, bit for bit, some ten times sooner.
 *
 * The dictionary is a trie laid into one open-addressing hash table. A node is known by the slot that it lies in, and
 * a slot's key is (node of all characters but the last, last character): keys are exact, no two strings can be taken
 * for each other. Plain C over memory that the caller owns: no state, so any number of threads may call.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT 2
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

/* ---- ranking: a query plan over the arrays of one segment (indexer/engines/arrays.py says what each holds) ---- */

/* Strings in the order of their numbers, and a hash table over them: `order` lists numbers by hash, `buckets` says
 * where in it the hashes with the same first `bits` bits begin. */
typedef struct {
    const uint32_t *text;
    const int64_t *ends;
    const int32_t *order, *buckets;
    int64_t count, bits;
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
    int64_t width;              /* how many fields */
} Group;

/* Documents lie in cells: ranges that share visibility, owner and every facet. A run is a longer range, one value of a
 * facet; the runs of all facets follow each other. */
typedef struct {
    const Group *groups;
    const int32_t *cells;  /* where each begins, and the end of the last */
    const int32_t *values; /* by cell and facet, as numbers of counts */
    const int32_t *owners; /* by cell: 0 for public ones */
    const int32_t *runs;   /* of each the first document, the one after the last, and the number of counts */
    const int64_t *firsts; /* by facet, its first run; and the end of the last facet's */
    const int32_t *cell;   /* by document: its cell */
    const uint8_t *alive;  /* by document; none where all are */
    const int32_t *order;  /* by document: what decides between equals */
    int64_t size, count, facets, sealed; /* sealed: whether any are not public */
} Segment;

/* Terms end to end, those of a unit and then its parts; then the words that synonyms stand for. */
typedef struct {
    const uint32_t *text, *like;
    const int32_t *lengths, *likes;
    const uint8_t *addressed; /* 16 x group + field + 1; without + field + 1: all fields; 255: none */
    const double *weights;
    const int32_t *sizes; /* by unit, how many terms, and how many parts */
    int64_t units, count;
} Plan;

typedef struct {
    const int32_t *documents; /* near ones, rising */
    const double *points;     /* what is added to their scores */
    const uint8_t *wanted;    /* by number of counts: whether a filter lets it pass */
    const int32_t *filtered;  /* facets under a filter */
    const int32_t *ranks;     /* by document, to be listed by; none to list by score */
    int64_t nears, filters, need, widens;
    int64_t owner; /* whose sealed records are seen: -1 for all, 0 for nobody's */
    int64_t falling;
} Asked;

typedef struct {
    double key;
    int32_t order, document;
} Hit;

#define WINDOW 2048
#define WIDTH 16

typedef struct {
    const int32_t *documents;
    const float *impacts;
    const uint8_t *fields; /* none in a whole row */
    int64_t at, end;
    uint32_t unit, stage; /* stage: below parts, which of them; 0 for a term */
    uint32_t base, parts;
    int32_t only; /* the field asked for, or -1 */
    float weights[WIDTH];
} Row;

typedef struct {
    double points;
    uint16_t seen, met; /* the last unit that it met, and how many */
    uint32_t stage;     /* how many parts of a unit it holds in turn, above that unit's base */
} Sum;

static int64_t find_name(const Names *names, const uint32_t *text, int64_t length) {
    uint64_t hash = 0xCBF29CE484222325u;
    for (int64_t i = 0; i < length; i++)
        hash = (hash ^ text[i]) * 0x9E3779B97F4A7C15u;
    hash = (hash ^ (hash >> 32)) * 0xD6E8FEB86659FD93u;
    uint64_t bucket = hash >> (64 - names->bits);
    for (int64_t at = names->buckets[bucket]; at < names->buckets[bucket + 1]; at++) {
        int64_t number = names->order[at], start = names->ends[number];
        if (names->ends[number + 1] - start == length &&
            !memcmp(names->text + start, text, (size_t)length * sizeof *text))
            return number;
    }
    return -1;
}

/* The numbers of strings that lie end to end; -1 for those that are none of the names. */
void zb_find(const Names *names, const uint32_t *text, const int32_t *lengths, int64_t count, int32_t *found) {
    for (int64_t i = 0; i < count; text += lengths[i++])
        found[i] = (int32_t)find_name(names, text, lengths[i]);
}

static double rarity(const Group *public, int64_t term, int64_t field, double records) {
    double frequency = term < 0 ? 0.0 : public->frequencies[term * public->width + field];
    return log(1.0 + (records - frequency + 0.5) / (frequency + 0.5));
}

/* The rows of the terms that stand in a segment, in their order; `origin` takes the term of each. */
static int64_t rows_of(const Segment *s, const Segment *public, const Plan *p, Row *rows, int32_t *origin, int fine) {
    const uint32_t *text = p->text, *like = p->like;
    int64_t found = 0, n = 0;
    uint32_t base = 0;
    for (int64_t unit = 0; unit < p->units; unit++) {
        int64_t terms = p->sizes[2 * unit], parts = p->sizes[2 * unit + 1];
        for (int64_t k = 0; k < terms + parts; text += p->lengths[n], like += p->likes[n], n++, k++) {
            if (p->addressed[n] == 255)
                continue;
            int group = p->addressed[n] >> 4;
            const Group *g = s->groups + group, *stated = public->groups + group;
            int64_t term = find_name(&g->names, text, p->lengths[n]);
            if (term < 0)
                continue;
            Row *row = rows + found;
            row->only = (p->addressed[n] & 15) - 1;
            int whole = row->only < 0 && !fine;
            int64_t one = -1, other = -1;
            if (p->likes[n]) {
                one = find_name(&stated->names, like, p->likes[n]);
                other = find_name(&stated->names, text, p->lengths[n]);
            }
            for (int64_t f = 0; f < g->width; f++) {
                double cap = 1.0;
                if (p->likes[n]) {
                    cap = rarity(stated, one, f, (double)public->size) / rarity(stated, other, f, (double)public->size);
                    if (cap > 1.0)
                        cap = 1.0;
                    if (cap < 1.0 && g->frequencies[term * g->width + f])
                        whole = 0;
                }
                row->weights[f] = (float)(p->weights[n] * g->weights[f] * cap);
            }
            if (whole)
                row->weights[0] = (float)p->weights[n];
            const int64_t *starts = whole ? g->starts : g->fine_starts;
            row->documents = whole ? g->documents : g->fine_documents;
            row->impacts = whole ? g->impacts : g->fine_impacts;
            row->fields = whole ? NULL : g->fields;
            row->at = starts[term];
            row->end = starts[term + 1];
            row->unit = (uint32_t)unit + 1;
            row->stage = k < terms ? 0 : (uint32_t)(k - terms) + 1;
            row->base = base;
            row->parts = (uint32_t)parts;
            origin[found++] = (int32_t)n;
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

/* Adds what a row gives to the documents from `low` to below `high`; whether it holds any of them. */
static int add(Row *row, Sum *sums, int32_t low, int32_t high, int counted) {
    int64_t at = row->at, end = row->end;
    const int32_t *documents = row->documents;
    const float *impacts = row->impacts;
    if (at < end && documents[at] < low)
        row->at = at = skip(documents, at, end, low);
    if (at == end || documents[at] >= high)
        return 0;
    if (row->fields) {
        for (; at < end && documents[at] < high; at++) {
            int field = row->fields[at];
            if (row->only >= 0 && row->only != field)
                continue;
            Sum *sum = sums + (documents[at] - low);
            sum->points += (double)row->weights[field] * impacts[at];
            meet(sum, row);
        }
    } else if (!counted) {
        double weight = row->weights[0];
        for (; at < end && documents[at] < high; at++)
            sums[documents[at] - low].points += weight * impacts[at];
    } else if (row->stage) {
        double weight = row->weights[0];
        for (; at < end && documents[at] < high; at++) {
            Sum *sum = sums + (documents[at] - low);
            sum->points += weight * impacts[at];
            meet(sum, row);
        }
    } else {
        double weight = row->weights[0];
        uint16_t unit = (uint16_t)row->unit;
        for (; at < end && documents[at] < high; at++) {
            Sum *sum = sums + (documents[at] - low);
            sum->points += weight * impacts[at];
            sum->met = (uint16_t)(sum->met + (sum->seen != unit));
            sum->seen = unit;
        }
    }
    row->at = at;
    return 1;
}

static int better(const Hit *a, const Hit *b) { return a->key > b->key || (a->key == b->key && a->order < b->order); }

/* Keeps the best `limit` hits, the worst of them first. */
static int64_t keep(Hit *heap, int64_t count, int64_t limit, Hit hit) {
    int64_t at;
    if (count < limit) {
        for (at = count++; at && better(heap + (at - 1) / 2, &hit); at = (at - 1) / 2)
            heap[at] = heap[(at - 1) / 2];
    } else {
        for (at = 0; 2 * at + 1 < count;) {
            int64_t child = 2 * at + 1;
            if (child + 1 < count && better(heap + child, heap + child + 1))
                child++;
            if (!better(&hit, heap + child))
                break;
            heap[at] = heap[child];
            at = child;
        }
    }
    heap[at] = hit;
    return count;
}

static int compare(const void *a, const void *b) { return better(a, b) ? -1 : 1; }

static int passes(const Segment *s, const Asked *a, int64_t cell) {
    if (a->owner >= 0 && s->owners[cell] && s->owners[cell] != a->owner)
        return 0;
    for (int64_t k = 0; k < a->filters; k++)
        if (!a->wanted[s->values[cell * s->facets + a->filtered[k]]])
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
static int64_t passing(const Segment *s, const Asked *a, int32_t *ranges) {
    int64_t count = 0;
    int open = a->owner < 0 || !s->sealed;
    if (open && a->filters == 0)
        return extend(ranges, 0, 0, (int32_t)s->size);
    if (open && a->filters == 1) {
        for (int64_t r = s->firsts[a->filtered[0]]; r < s->firsts[a->filtered[0] + 1]; r++)
            if (a->wanted[s->runs[3 * r + 2]])
                count = extend(ranges, count, s->runs[3 * r], s->runs[3 * r + 1]);
        return count;
    }
    for (int64_t cell = 0; cell < s->count; cell++)
        if (passes(s, a, cell))
            count = extend(ranges, count, s->cells[cell], s->cells[cell + 1]);
    return count;
}

/* Few documents are counted by their cells, many by runs. */
static void count_values(const Segment *s, int64_t *counts, const int32_t *before, int32_t from, int32_t to) {
    int64_t total = before[s->size];
    if (total * s->facets < s->firsts[s->facets]) {
        for (int32_t d = from; total; d++)
            if (before[d + 1] > before[d]) {
                const int32_t *values = s->values + (int64_t)s->cell[d] * s->facets;
                for (int64_t f = 0; f < s->facets; f++)
                    counts[values[f]]++;
                total--;
            }
        return;
    }
    for (const int32_t *run = s->runs; run < s->runs + 3 * s->firsts[s->facets]; run += 3)
        if (run[0] < to && run[1] > from)
            counts[run[2]] += before[run[1]] - before[run[0]];
}

typedef struct {
    Sum *sums;
    Row *rows;
    int32_t *origin, *ranges;
    int32_t *before; /* by document, how many match before it */
} Memory;

static void release(Memory *m) {
    free(m->sums);
    free(m->rows);
    free(m->origin);
    free(m->ranges);
    free(m->before);
}

static int reserve(Memory *m, const Segment *s, const Plan *p) {
    m->sums = malloc(WINDOW * sizeof *m->sums);
    m->rows = malloc((size_t)(p->count + 1) * sizeof *m->rows);
    m->origin = malloc((size_t)(p->count + 1) * sizeof *m->origin);
    m->ranges = malloc((size_t)(2 * s->count + 2) * sizeof *m->ranges);
    m->before = malloc((size_t)(s->size + 1) * sizeof *m->before);
    if (m->sums && m->rows && m->origin && m->ranges && m->before)
        return 0;
    release(m);
    return -1;
}

/* Runs a plan: how many documents match, or -1 without memory.
 *
 * `counts`, unless none, grows by their facets' values; `best` takes the first `limit` of them, `kept` how many these
 * are. Every document's score is summed in the order of the terms, whatever other documents there are.
 */
int64_t zb_search(const Segment *s, const Segment *public, const Plan *p, const Asked *a, int64_t *counts, Hit *best,
                  int64_t limit, int64_t *kept) {
    Memory m;
    if (reserve(&m, s, p))
        return -1;
    int64_t length = rows_of(s, public, p, m.rows, m.origin, 0), ranges = passing(s, a, m.ranges), count = 0, near = 0;
    int32_t total = 0, done = 0;
    for (int64_t range = 0; range < ranges;) {
        /* A window begins in a range and ends in one. */
        int32_t low = m.ranges[2 * range] > done ? m.ranges[2 * range] : done, high = low;
        int32_t most = s->size - low > WINDOW ? low + WINDOW : (int32_t)s->size;
        for (int64_t r = range; r < ranges && m.ranges[2 * r] < most; r++)
            high = m.ranges[2 * r + 1] < most ? m.ranges[2 * r + 1] : most;
        int any = a->need == 0;
        memset(m.sums, 0, (size_t)(high - low) * sizeof *m.sums);
        for (int64_t r = 0; r < length; r++)
            any |= add(m.rows + r, m.sums, low, high, a->need > 0);
        for (; near < a->nears && a->documents[near] < high; near++)
            if (a->documents[near] >= low) {
                any = 1;
                m.sums[a->documents[near] - low].points += a->points[near];
                if (a->widens)
                    m.sums[a->documents[near] - low].met = UINT16_MAX;
            }
        for (; range < ranges && m.ranges[2 * range] < high; range++) {
            int32_t from = m.ranges[2 * range] > low ? m.ranges[2 * range] : low;
            int32_t to = m.ranges[2 * range + 1] < high ? m.ranges[2 * range + 1] : high;
            for (; done < from; done++)
                m.before[done] = total;
            for (int32_t d = from; d < to; d++) {
                const Sum *sum = m.sums + (d - low);
                m.before[d] = total;
                if (!any || sum->met < a->need || (s->alive && !s->alive[d]))
                    continue;
                total++;
                double key = a->ranks ? (a->falling ? a->ranks[d] : -a->ranks[d]) : (double)(float)sum->points;
                if (limit && (count < limit || key >= best[0].key)) {
                    Hit hit = {key, s->order[d], d};
                    if (count < limit || better(&hit, best))
                        count = keep(best, count, limit, hit);
                }
            }
            done = to;
            if (m.ranges[2 * range + 1] > high)
                break;
        }
    }
    for (; done <= s->size; done++)
        m.before[done] = total;
    if (counts && total)
        count_values(s, counts, m.before, m.ranges[0], m.ranges[2 * ranges - 1]);
    release(&m);
    qsort(best, (size_t)count, sizeof *best, compare);
    *kept = count;
    return total;
}

static int falling(const void *a, const void *b) {
    return *(const int64_t *)a < *(const int64_t *)b ? 1 : -1;
}

/* Lists the counts above 0 of each facet, the most first, equal ones in their order: `numbers` and `sizes` take them
 * end to end, `lengths` how many of each. Facet f has the counts from `starts[f]`, of the empty value and not listed,
 * to below `starts[f + 1]`; there are fewer than 2^24 in all.
 */
void zb_tally(const int64_t *counts, const int64_t *starts, int64_t facets, int32_t *numbers, int64_t *sizes,
              int64_t *lengths) {
    int64_t at = 0;
    for (int64_t f = 0; f < facets; f++) {
        int64_t first = at;
        for (int64_t n = starts[f] + 1; n < starts[f + 1]; n++)
            if (counts[n])
                sizes[at++] = counts[n] << 24 | (0xFFFFFF - n);
        qsort(sizes + first, (size_t)(at - first), sizeof *sizes, falling);
        lengths[f] = at - first;
    }
    for (int64_t k = 0; k < at; k++) {
        numbers[k] = (int32_t)(0xFFFFFF - (sizes[k] & 0xFFFFFF));
        sizes[k] >>= 24;
    }
}

typedef struct {
    int32_t document, term, field;
    float score;
} Share;

/* What each term gives to each of some documents, which rise: how many shares there are, or -1 without memory.
 *
 * `shares` takes up to `room` of them; when there are more, they must be asked for again with more room.
 */
int64_t zb_explain(const Segment *s, const Segment *public, const Plan *p, const int32_t *documents, int64_t count,
                   Share *shares, int64_t room) {
    Row *rows = malloc((size_t)(p->count + 1) * sizeof *rows);
    int32_t *origin = malloc((size_t)(p->count + 1) * sizeof *origin);
    int64_t found = 0;
    if (!rows || !origin) {
        free(rows);
        free(origin);
        return -1;
    }
    int64_t length = rows_of(s, public, p, rows, origin, 1);
    for (int64_t r = 0; r < length; r++) {
        const Row *row = rows + r;
        int64_t at = row->at;
        for (int64_t k = 0; k < count && at < row->end; k++) {
            at = row->documents[at] < documents[k] ? skip(row->documents, at, row->end, documents[k]) : at;
            for (; at < row->end && row->documents[at] == documents[k]; at++)
                if (row->only < 0 || row->only == row->fields[at]) {
                    if (found < room) {
                        double score = (double)row->weights[row->fields[at]] * row->impacts[at];
                        shares[found] = (Share){(int32_t)k, origin[r], row->fields[at], (float)score};
                    }
                    found++;
                }
        }
    }
    free(rows);
    free(origin);
    return found;
}
