/* S3: the IOC of EPICS base in C (dbCore and its CA server), with a system in C.
 *
 *     base_ioc DBD DBD_FOLDER DB SYSTEMS SECS PVS IMAGES
 *
 * Each system is a thread that obeys the texts put to its CMD, with the words of
 * bench/systems.py. Prints READY; ends by itself after SECS seconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <dbAccess.h>
#include <dbChannel.h>
#include <dbEvent.h>
#include <dbServer.h>
#include <dbStaticLib.h>
#include <epicsMessageQueue.h>
#include <epicsStdio.h>
#include <epicsThread.h>
#include <iocInit.h>

#define FLOATS 10000
#define IMAGE4 (4 << 20)
#define IMAGE16 (16 << 20)
#define QUEUE 256

extern int registerAllRecordDeviceDrivers(struct dbBase *);

struct system {
    struct dbChannel *cmd, *ack;
    epicsMessageQueueId commands;
};

static double now_s(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static struct dbChannel *channel_to(const char *name)
{
    struct dbChannel *channel = dbChannelCreate(name);
    if (!channel || dbChannelOpen(channel)) {
        fprintf(stderr, "no record %s\n", name);
        exit(1);
    }
    return channel;
}

static void post(struct dbChannel *channel, short type, const void *value, long count)
{
    dbChannelPutField(channel, type, value, count);
}

static void post_float(struct dbChannel *channel, double value)
{
    post(channel, DBR_DOUBLE, &value, 1);
}

/* -- what the system does; the words are those of bench/systems.py */

static struct dbChannel *values, *img4, *img16, **scalars;
static int scalar_count;

static void spin_until(double until_s)
{
    while (now_s(CLOCK_MONOTONIC) < until_s)
        ;
}

static void sleep_until(double until_s)
{
    double s = until_s - now_s(CLOCK_MONOTONIC);
    if (s > 0)
        epicsThreadSleep(s);
}

static void paced(double hz, double secs, int spins)
{
    double start_s = now_s(CLOCK_MONOTONIC);
    for (long i = 1; i <= (long)(hz * secs); i++) {
        post_float(scalars[0], now_s(CLOCK_REALTIME));
        (spins ? spin_until : sleep_until)(start_s + i / hz);
    }
    post_float(scalars[0], -1);
}

static void flood(long n, double secs)
{
    double until_s = now_s(CLOCK_MONOTONIC) + secs;
    for (long i = 1; i <= n && now_s(CLOCK_MONOTONIC) < until_s; i++)
        post_float(scalars[0], i);
    post_float(scalars[0], -1);
}

static void all(int count, double secs, double hz)
{
    double start_s = now_s(CLOCK_MONOTONIC);
    for (long k = 1; k <= (long)(hz * secs); k++) {
        for (int i = 0; i < count && i < scalar_count; i++)
            post_float(scalars[i], k);
        sleep_until(start_s + k / hz);
    }
}

static void frames(struct dbChannel *channel, short type, long count, long n, double hz)
{
    static double buffer[IMAGE16 / sizeof(double)];
    double start_s = now_s(CLOCK_MONOTONIC);
    for (long i = 1; i <= n + 1; i++) {
        buffer[0] = i > n ? -1 : i;
        post(channel, type, buffer, count);
        if (hz > 0)
            sleep_until(start_s + i / hz);
        else if (type == DBR_UCHAR)
            epicsThreadSleep(300e-6); /* else the server never gets the record's lock */
    }
}

static void execute(struct system *system, const char *text)
{
    char op[40] = "";
    double x = 0, y = 0, z = 0;
    sscanf(text, "%39s %lf %lf %lf", op, &x, &y, &z);
    if (!strcmp(op, "E")) {
        epicsInt32 ack = (epicsInt32)x;
        post(system->ack, DBR_LONG, &ack, 1);
    } else if (!strcmp(op, "SLEEP")) {
        epicsThreadSleep(x);
    } else if (!strcmp(op, "SPIN") || !strcmp(op, "GIL")) {
        spin_until(now_s(CLOCK_MONOTONIC) + x);
    } else if (!strcmp(op, "SCAL")) {
        flood((long)x, 60);
    } else if (!strcmp(op, "FLOOD")) {
        flood(1000000000, x);
    } else if (!strcmp(op, "RATE") || !strcmp(op, "CALC")) {
        paced(x, y, op[0] == 'C');
    } else if (!strcmp(op, "ALL")) {
        all((int)x, y, z);
    } else if (!strcmp(op, "ARR")) {
        frames(values, DBR_DOUBLE, FLOATS, (long)x, y);
    } else if (!strcmp(op, "U8A")) {
        frames(img4, DBR_UCHAR, IMAGE4, (long)x, y);
    } else if (!strcmp(op, "U8B")) {
        frames(img16, DBR_UCHAR, IMAGE16, (long)x, y);
    }
}

/* -- commands */

static void on_command(void *argument, struct dbChannel *channel, int remaining,
                       struct db_field_log *log)
{
    struct system *system = argument;
    char text[MAX_STRING_SIZE] = "";
    long options = 0, count = 1;
    (void)remaining;
    if (!dbChannelGetField(channel, DBR_STRING, text, &options, &count, log))
        epicsMessageQueueTrySend(system->commands, text, sizeof text);
}

static void run_system(void *argument)
{
    struct system *system = argument;
    char text[MAX_STRING_SIZE];
    for (;;) {
        epicsMessageQueueReceive(system->commands, text, sizeof text);
        execute(system, text);
    }
}

static void start_system(dbEventCtx events, int number)
{
    struct system *system = calloc(1, sizeof *system);
    char prefix[16] = "", name[40];
    if (number)
        epicsSnprintf(prefix, sizeof prefix, "S%d:", number);
    epicsSnprintf(name, sizeof name, "T:%sCMD", prefix);
    system->cmd = channel_to(name);
    epicsSnprintf(name, sizeof name, "T:%sACK", prefix);
    system->ack = channel_to(name);
    system->commands = epicsMessageQueueCreate(QUEUE, MAX_STRING_SIZE);
    epicsThreadCreate("system", epicsThreadPriorityMedium,
                      epicsThreadGetStackSize(epicsThreadStackMedium), run_system,
                      system);
    db_event_enable(db_add_event(events, system->cmd, on_command, system, DBE_VALUE));
}

int main(int argc, char **argv)
{
    char name[40];
    if (argc != 8) {
        fprintf(stderr, "usage: base_ioc DBD DBD_FOLDER DB SYSTEMS SECS PVS IMAGES\n");
        return 1;
    }
    if (dbLoadDatabase(argv[1], argv[2], NULL))
        return 1;
    registerAllRecordDeviceDrivers(pdbbase);
    if (dbLoadRecords(argv[3], NULL) || iocInit())
        return 1;
    scalar_count = atoi(argv[6]);
    scalars = calloc(scalar_count, sizeof *scalars);
    for (int i = 0; i < scalar_count; i++) {
        epicsSnprintf(name, sizeof name, "T:val%d", i);
        scalars[i] = channel_to(name);
    }
    values = channel_to("T:values");
    if (atoi(argv[7])) {
        img4 = channel_to("T:img4");
        img16 = channel_to("T:img16");
    }
    dbEventCtx events = db_init_events();
    db_start_events(events, "commands", NULL, NULL, epicsThreadPriorityMedium);
    for (int i = 0; i < atoi(argv[4]); i++)
        start_system(events, i);
    printf("READY\n");
    fflush(stdout);
    epicsThreadSleep(atof(argv[5]));
    _Exit(0);
}
