/* caload: a bounded Channel Access load generator on the real libca.
 *
 *     caload MODE key=value ...
 *
 * It connects first, prints "ready", waits for a line on stdin, and only then measures
 * for at most secs= seconds or n= rounds: a stall cannot hide in the time to connect.
 * One line of JSON is its result; the single times go to the file out=, as doubles, one
 * series after the other in the order of "series": [[name, count], ...], in seconds.
 *
 * get        prefix= count=1                   one get of each PV prefix0.. per round
 *            pv=                               the same for one PV
 * clients    pv= clients=                      gets, each client a CA context of its own
 * newcomers  pv=                               connect, get, disconnect, per round
 * command    cmd= ack=                         put-callback "E i", until ACK monitors i
 * put        pv= [text=E] [callback=1]         puts of "text i", with or without callback
 * monitor    pv= [as=double|char] [stamped=0]  events of one PV until the value is -1
 * subscribe  prefix= count= monitors=          count the events of many monitors
 * answer     cmd= ack=                         put "E i" until the first one is answered
 * console                                      lines "put PV TEXT", "get PV" on stdin
 *
 * All take secs=5, n=1000000 and gap_us=0, the pause between rounds. stamped=1: the
 * value is the CLOCK_REALTIME of its post. A char array carries its value in 8 bytes.
 * The i of command and answer count from first= + 1, to differ from earlier ones.
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cadef.h>

#define MAX_PVS 1024
#define MAX_SERIES 3
#define PEND_S 20.0
#define ACK_S 3.0
#define PUT_S 15.0
#define ANSWER_LOOK_S 0.004

/* -- time */

static double clock_s(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static double now_s(void) { return clock_s(CLOCK_MONOTONIC); }

static void nap(double s)
{
    struct timespec t = {(time_t)s, (long)((s - floor(s)) * 1e9)};
    if (s > 0)
        nanosleep(&t, NULL);
}

/* -- options */

static int option_count;
static char **options;

static const char *text_option(const char *key, const char *otherwise)
{
    size_t length = strlen(key);
    for (int i = 2; i < option_count; i++)
        if (!strncmp(options[i], key, length) && options[i][length] == '=')
            return options[i] + length + 1;
    return otherwise;
}

static double option(const char *key, double otherwise)
{
    const char *text = text_option(key, NULL);
    return text ? atof(text) : otherwise;
}

static void die(const char *why, const char *what)
{
    printf("{\"error\": \"%s %s\"}\n", why, what);
    fflush(stdout);
    _Exit(2);
}

static const char *required(const char *key)
{
    const char *text = text_option(key, NULL);
    if (!text)
        die("missing option", key);
    return text;
}

static void check(int status, const char *what)
{
    if (status != ECA_NORMAL)
        die(ca_message(status), what);
}

/* -- results */

struct series {
    const char *name;
    double *values;
    long count, room;
};

static struct series series[MAX_SERIES];
static int series_count;

static struct series *new_series(const char *name, long room)
{
    struct series *s = &series[series_count++];
    s->name = name;
    s->values = malloc(room * sizeof(double));
    s->room = room;
    if (!s->values)
        die("no memory for", name);
    return s;
}

static void record(struct series *s, double value)
{
    if (s->count < s->room)
        s->values[s->count++] = value;
}

/* Ends the process: closing hundreds of channels in order would tell nothing. */
static void finish(const char *facts)
{
    FILE *file = fopen(text_option("out", "/dev/null"), "wb");
    if (!file)
        die("cannot write", text_option("out", ""));
    printf("{%s\"series\": [", facts);
    for (int i = 0; i < series_count; i++) {
        fwrite(series[i].values, sizeof(double), series[i].count, file);
        printf("%s[\"%s\", %ld]", i ? ", " : "", series[i].name, series[i].count);
    }
    printf("]}\n");
    fclose(file);
    fflush(stdout);
    _Exit(0);
}

/* -- rounds: how long a measurement goes on */

struct rounds {
    double start_s, secs, gap_s;
    long n, done;
};

static struct rounds start_rounds(void)
{
    struct rounds r = {now_s(), option("secs", 5), option("gap_us", 0) * 1e-6,
                       (long)option("n", 1e6), 0};
    return r;
}

static int another_round(struct rounds *r)
{
    if (r->done)
        nap(r->gap_s);
    if (r->done >= r->n || now_s() - r->start_s >= r->secs)
        return 0;
    r->done++;
    return 1;
}

static void ready(void)
{
    char line[16];
    printf("ready\n");
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        _Exit(3);
}

/* -- channels */

static long exceptions;

/* A refused put without callback ends here; libca would write a page about each. */
static void on_exception(struct exception_handler_args args)
{
    (void)args;
    __sync_fetch_and_add(&exceptions, 1);
}

static void new_context(void)
{
    check(ca_context_create(ca_enable_preemptive_callback), "context");
    ca_add_exception_event(on_exception, NULL);
}

static chid channel_to(const char *pv)
{
    chid channel;
    check(ca_create_channel(pv, NULL, NULL, 0, &channel), pv);
    check(ca_pend_io(PEND_S), pv);
    return channel;
}

/* PVs prefix0, prefix1, ... or the one named by pv=; returns their count. */
static int channels_to(chid *channels)
{
    const char *prefix = text_option("prefix", NULL);
    int count = prefix ? (int)option("count", 1) : 1;
    char name[128];
    if (count > MAX_PVS)
        die("too many PVs:", text_option("count", ""));
    for (int i = 0; i < count; i++) {
        if (prefix)
            snprintf(name, sizeof name, "%s%d", prefix, i);
        else
            snprintf(name, sizeof name, "%s", required("pv"));
        check(ca_create_channel(name, NULL, NULL, 0, &channels[i]), name);
    }
    check(ca_pend_io(PEND_S), prefix ? prefix : name);
    return count;
}

static void set_text(char *buffer, const char *text, long i)
{
    memset(buffer, 0, MAX_STRING_SIZE);
    snprintf(buffer, MAX_STRING_SIZE, "%s %ld", text, i);
}

/* -- waiting for callbacks */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

/* Call with the mutex held; wakes after `secs` at the latest. */
static void wait_changed(double secs)
{
    double until_s = clock_s(CLOCK_REALTIME) + secs;
    struct timespec t = {(time_t)until_s, (long)((until_s - floor(until_s)) * 1e9)};
    pthread_cond_timedwait(&changed, &mutex, &t);
}

/* -- get, clients, newcomers */

static int get_all(chid *channels, int count, double *values)
{
    for (int i = 0; i < count; i++)
        ca_get(DBR_DOUBLE, channels[i], &values[i]);
    return ca_pend_io(PEND_S) == ECA_NORMAL;
}

static void mode_get(void)
{
    chid channels[MAX_PVS];
    double values[MAX_PVS];
    char facts[128];
    new_context();
    int count = channels_to(channels);
    struct series *lat = new_series("lat", (long)option("n", 1e6));
    get_all(channels, count, values);
    ready();
    struct rounds r = start_rounds();
    while (another_round(&r)) {
        double start_s = now_s();
        if (!get_all(channels, count, values))
            die("no answer to a get of", text_option("pv", "many PVs"));
        record(lat, now_s() - start_s);
    }
    double rate = lat->count * count / (now_s() - r.start_s);
    snprintf(facts, sizeof facts, "\"rate\": %.3f, ", rate);
    finish(facts);
}

struct client {
    pthread_t thread;
    struct series lat;
    double took_s;
    int failed;
};

static pthread_barrier_t connected, started;

static void *run_client(void *argument)
{
    struct client *client = argument;
    double value;
    new_context();
    chid channel = channel_to(required("pv"));
    get_all(&channel, 1, &value);
    pthread_barrier_wait(&connected);
    pthread_barrier_wait(&started);
    struct rounds r = start_rounds();
    while (!client->failed && another_round(&r)) {
        double start_s = now_s();
        client->failed = !get_all(&channel, 1, &value);
        record(&client->lat, now_s() - start_s);
    }
    client->took_s = now_s() - r.start_s;
    return NULL;
}

static void mode_clients(void)
{
    int count = (int)option("clients", 10);
    long room = 200000;
    struct client *clients = calloc(count, sizeof *clients);
    double rate = 0;
    char facts[128];
    pthread_barrier_init(&connected, NULL, count + 1);
    pthread_barrier_init(&started, NULL, count + 1);
    for (int i = 0; i < count; i++) {
        clients[i].lat.values = malloc(room * sizeof(double));
        clients[i].lat.room = room;
        pthread_create(&clients[i].thread, NULL, run_client, &clients[i]);
    }
    pthread_barrier_wait(&connected);
    ready();
    pthread_barrier_wait(&started);
    struct series *lat = new_series("lat", room * count);
    for (int i = 0; i < count; i++) {
        pthread_join(clients[i].thread, NULL);
        if (clients[i].failed)
            die("no answer to a get of", required("pv"));
        for (long j = 0; j < clients[i].lat.count; j++)
            record(lat, clients[i].lat.values[j]);
        rate += clients[i].lat.count / clients[i].took_s;
    }
    snprintf(facts, sizeof facts, "\"clients\": %d, \"rate\": %.3f, ", count, rate);
    finish(facts);
}

static void mode_newcomers(void)
{
    struct series *lat = new_series("lat", 10000);
    ready();
    struct rounds r = start_rounds();
    while (another_round(&r)) {
        double start_s = now_s(), value;
        new_context();
        chid channel = channel_to(required("pv"));
        if (!get_all(&channel, 1, &value))
            die("no answer to a get of", required("pv"));
        record(lat, now_s() - start_s);
        ca_context_destroy();
    }
    finish("");
}

/* -- command, put, answer */

static long acknowledged = -1, completed = -1, failures;
static double acknowledged_s, completed_s;

static void on_ack(struct event_handler_args args)
{
    if (args.status != ECA_NORMAL)
        return;
    const void *value = dbr_value_ptr(args.dbr, args.type);
    pthread_mutex_lock(&mutex);
    acknowledged_s = now_s();
    acknowledged = dbr_type_is_STRING(args.type) ? atol(value)
                                                 : (long)*(const double *)value;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&mutex);
}

static void on_completion(struct event_handler_args args)
{
    pthread_mutex_lock(&mutex);
    completed_s = now_s();
    completed = (long)args.usr;
    failures += args.status != ECA_NORMAL;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&mutex);
}

/* A text PV is monitored as text, as any client would. */
static void monitor_ack(const char *pv)
{
    chid channel = channel_to(pv);
    chtype type = ca_field_type(channel) == DBF_STRING ? DBR_TIME_STRING
                                                       : DBR_TIME_DOUBLE;
    check(ca_create_subscription(type, 1, channel, DBE_VALUE, on_ack, NULL, NULL), pv);
    ca_flush_io();
    pthread_mutex_lock(&mutex);
    for (double start_s = now_s(); acknowledged < 0 && now_s() - start_s < PEND_S;)
        wait_changed(0.1);
    pthread_mutex_unlock(&mutex);
    if (acknowledged < 0)
        die("no first monitor of", pv);
}

static void mode_command(void)
{
    char text[MAX_STRING_SIZE], facts[128];
    long lost = 0, first = (long)option("first", 0);
    new_context();
    chid cmd = channel_to(required("cmd"));
    monitor_ack(required("ack"));
    struct series *ack = new_series("ack", (long)option("n", 1e6));
    struct series *put = new_series("put", (long)option("n", 1e6));
    ready();
    struct rounds r = start_rounds();
    while (another_round(&r)) {
        long i = first + r.done;
        set_text(text, "E", i);
        double start_s = now_s();
        check(ca_put_callback(DBR_STRING, cmd, text, on_completion, (void *)i), "put");
        ca_flush_io();
        pthread_mutex_lock(&mutex);
        while ((acknowledged != i || completed != i) && now_s() - start_s < ACK_S)
            wait_changed(0.5);
        if (acknowledged != i || completed != i)
            lost++;
        record(ack, (acknowledged == i ? acknowledged_s : now_s()) - start_s);
        record(put, (completed == i ? completed_s : now_s()) - start_s);
        pthread_mutex_unlock(&mutex);
    }
    snprintf(facts, sizeof facts, "\"rate\": %.3f, \"lost\": %ld, \"failed\": %ld, ",
             r.done / (now_s() - r.start_s), lost, failures);
    finish(facts);
}

static void put_and_wait(chid channel, const char *text, long i, struct series *lat)
{
    double start_s = now_s();
    check(ca_put_callback(DBR_STRING, channel, text, on_completion, (void *)i), "put");
    ca_flush_io();
    pthread_mutex_lock(&mutex);
    while (completed != i && now_s() - start_s < PUT_S)
        wait_changed(0.5);
    record(lat, (completed == i ? completed_s : now_s()) - start_s);
    pthread_mutex_unlock(&mutex);
}

static void mode_put(void)
{
    char text[MAX_STRING_SIZE], facts[128];
    int with_callback = (int)option("callback", 1);
    new_context();
    chid channel = channel_to(required("pv"));
    struct series *lat = new_series("lat", (long)option("n", 1e6));
    ready();
    struct rounds r = start_rounds();
    while (another_round(&r)) {
        set_text(text, text_option("text", "E"), r.done);
        if (with_callback) {
            put_and_wait(channel, text, r.done, lat);
        } else {
            ca_put(DBR_STRING, channel, text);
            if (r.done % 100 == 0)
                ca_flush_io();
        }
    }
    ca_flush_io();
    snprintf(facts, sizeof facts, "\"puts\": %ld, \"failed\": %ld, ", r.done,
             failures + exceptions);
    finish(facts);
}

static void mode_answer(void)
{
    char text[MAX_STRING_SIZE], facts[128];
    long first = (long)option("first", 0);
    new_context();
    chid cmd = channel_to(required("cmd"));
    monitor_ack(required("ack"));
    ready();
    struct rounds r = start_rounds();
    int is_answered = 0;
    while (!is_answered && another_round(&r)) {
        set_text(text, "E", first + r.done);
        ca_put(DBR_STRING, cmd, text);
        ca_flush_io();
        double until_s = now_s() + ANSWER_LOOK_S;
        pthread_mutex_lock(&mutex);
        while (!(is_answered = acknowledged > first) && now_s() < until_s)
            wait_changed(until_s - now_s());
        pthread_mutex_unlock(&mutex);
    }
    snprintf(facts, sizeof facts, "\"answered\": %s, \"at_s\": %.6f, ",
             is_answered ? "true" : "false", acknowledged_s);
    finish(facts);
}

/* -- monitor, subscribe */

static struct {
    struct series *gap, *lat;
    int as_char, is_stamped, is_initial, is_done;
    long events, elements;
    double first_s, last_s, last_value;
} seen = {.is_initial = 1};

static void note(double value, double at_s)
{
    if (value == -1) {
        seen.is_done = 1;
        pthread_cond_signal(&changed);
        return;
    }
    if (seen.events)
        record(seen.gap, at_s - seen.last_s);
    else
        seen.first_s = at_s;
    seen.last_s = at_s;
    seen.last_value = value;
    seen.events++;
    if (seen.is_stamped)
        record(seen.lat, clock_s(CLOCK_REALTIME) - value);
}

static void on_value(struct event_handler_args args)
{
    double value, at_s = now_s();
    if (args.status != ECA_NORMAL)
        return;
    pthread_mutex_lock(&mutex);
    if (seen.is_initial) { /* the state at subscription */
        seen.is_initial = 0;
        pthread_cond_signal(&changed);
    } else {
        memcpy(&value, dbr_value_ptr(args.dbr, args.type), sizeof value);
        seen.elements = args.count;
        note(value, at_s);
    }
    pthread_mutex_unlock(&mutex);
}

static void mode_monitor(void)
{
    char facts[256];
    long room = (long)option("n", 1e6);
    new_context();
    seen.as_char = !strcmp(text_option("as", "double"), "char");
    seen.is_stamped = (int)option("stamped", 0);
    seen.gap = new_series("gap", room);
    seen.lat = new_series("lat", seen.is_stamped ? room : 1);
    check(ca_create_subscription(seen.as_char ? DBR_TIME_CHAR : DBR_TIME_DOUBLE, 0,
                                 channel_to(required("pv")), DBE_VALUE, on_value, NULL,
                                 NULL),
          required("pv"));
    ca_flush_io();
    pthread_mutex_lock(&mutex);
    while (seen.is_initial)
        wait_changed(0.1);
    pthread_mutex_unlock(&mutex);
    ready();
    double start_s = now_s(), secs = option("secs", 5);
    pthread_mutex_lock(&mutex);
    while (!seen.is_done && now_s() - start_s < secs)
        wait_changed(0.1);
    double span_s = seen.events > 1 ? seen.last_s - seen.first_s : 0;
    snprintf(facts, sizeof facts,
             "\"events\": %ld, \"elements\": %ld, \"span_s\": %.6f, \"rate\": %.3f, "
             "\"done\": %s, \"last\": %.0f, ",
             seen.events, seen.elements, span_s,
             span_s > 0 ? (seen.events - 1) / span_s : 0.0,
             seen.is_done ? "true" : "false", seen.last_value);
    finish(facts);
}

static void on_any(struct event_handler_args args)
{
    if (args.status == ECA_NORMAL)
        __sync_fetch_and_add(&seen.events, 1);
}

static void mode_subscribe(void)
{
    chid channels[MAX_PVS];
    char facts[128];
    new_context();
    int count = channels_to(channels), monitors = (int)option("monitors", count);
    for (int i = 0; i < monitors; i++)
        check(ca_create_subscription(DBR_TIME_DOUBLE, 0, channels[i % count], DBE_VALUE,
                                     on_any, NULL, NULL),
              "subscription");
    ca_flush_io();
    for (double start_s = now_s(); seen.events < monitors && now_s() - start_s < PEND_S;)
        nap(0.01);
    if (seen.events < monitors)
        die("first monitors missing of", required("prefix"));
    ready();
    long before = seen.events;
    double start_s = now_s();
    nap(option("secs", 5));
    snprintf(facts, sizeof facts, "\"events\": %ld, \"rate\": %.3f, ",
             seen.events - before, (seen.events - before) / (now_s() - start_s));
    finish(facts);
}

/* -- console */

static chid console_channel(const char *pv)
{
    static struct {
        char name[128];
        chid channel;
    } known[16];
    static int count;
    for (int i = 0; i < count; i++)
        if (!strcmp(known[i].name, pv))
            return known[i].channel;
    if (count == 16)
        die("too many channels:", pv);
    snprintf(known[count].name, sizeof known[count].name, "%s", pv);
    known[count].channel = channel_to(pv);
    return known[count++].channel;
}

static void mode_console(void)
{
    char line[256], verb[8], pv[128], text[MAX_STRING_SIZE], value[MAX_STRING_SIZE];
    new_context();
    printf("ready\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        memset(text, 0, sizeof text);
        int words = sscanf(line, "%7s %127s %39[^\n]", verb, pv, text);
        if (words < 2)
            die("not understood:", line);
        if (!strcmp(verb, "put")) {
            ca_put(DBR_STRING, console_channel(pv), text);
            ca_flush_io();
            printf("ok\n");
        } else {
            ca_get(DBR_STRING, console_channel(pv), value);
            check(ca_pend_io(PEND_S), pv);
            printf("%s\n", value);
        }
        fflush(stdout);
    }
    _Exit(0);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } modes[] = {
        {"get", mode_get},         {"clients", mode_clients},
        {"command", mode_command}, {"newcomers", mode_newcomers},
        {"put", mode_put},         {"answer", mode_answer},
        {"monitor", mode_monitor}, {"subscribe", mode_subscribe},
        {"console", mode_console},
    };
    option_count = argc;
    options = argv;
    for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof *modes; i++)
        if (!strcmp(argv[1], modes[i].name))
            modes[i].run();
    fprintf(stderr, "usage: caload MODE key=value ... (the head of caload.c)\n");
    return 1;
}
