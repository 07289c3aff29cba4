#include <dirent.h>

#include "tests/scenario_fixture.h"

static void has_the_defaults_that_are_documented(void **state)
{
    (void)state;
    struct scenario s;
    must_load("[scenario]\nnodes = 4\nduration = 60 s\n" LOAD, &s);
    assert_string_equal(s.name, "t");
    assert_int_equal(s.nodes, 4);
    assert_int_equal(s.seed, 1);
    assert_true(s.scale == 1 && s.warmup_s == 30 && s.duration_s == 60 && s.height_floor == 0.5);
    assert_int_equal(s.application, APPLICATION_LOG);
    assert_string_equal(s.mode, "dl");
    assert_string_equal(s.retrieval, "lean");
    assert_int_equal(s.block_bytes, 0);
    assert_int_equal(s.data, SCENARIO_MEMORY);
    assert_int_equal(s.load, SCENARIO_BACKLOG);
    assert_true(s.load_bytes_s == 0);
    assert_int_equal(s.payload_bytes, 250);
    assert_int_equal(s.delay_us[0][1], 0);
    assert_false(s.loss);
    assert_int_equal(s.event_count, 0);
    assert_int_equal(scenario_rate(&s, 3, 10), 0);
    assert_int_equal(scenario_rate_max(&s), 0);
    assert_true(scenario_bytes(&s, 0, 0, 90) == 0);
    scenario_free(&s);
    scenario_free(&s);
}

static void reads_what_is_written(void **state)
{
    (void)state;
    struct scenario s;
    must_load("# All of it.\n"
              "[scenario]\nnodes = 4\nduration = 2 min\nwarmup = 10 s\nseed = 7\nscale = 0.5\n"
              "app = ledger\nmode = hb-link\nretrieval = all\nblock = 1 MB\nlag_target = 60 s\n"
              "retain = 2 MiB\ncheckpoint_epochs = 10\n"
              "data = disk\nheight_floor = 20 %\n"
              "[events]\n40 s = heal\n20 s = kill 3\n-5 s = rate 2 10 MB/s\n40 s = restart 3\n"
              "1500 ms = partition 0|1-3\n"
              "[node 1]\nrate = 2 MB/s # A tenth.\n"
              "[links]\ndelay = 100 ms\nloss = 0.1 %\n"
              "[rates constant]\nrate = 10 MB/s\nrate_step = 0.5 MB/s\n"
              "[node 2]\nrate = unlimited\n"
              "[load]\nkind = poisson\nrate = 100 kB/s\npayload = 1 KiB\n",
              &s);
    assert_int_equal(s.seed, 7);
    assert_true(s.duration_s == 120 && s.warmup_s == 10 && s.height_floor == 0.2);
    assert_true(s.lag_target_s == 60);
    assert_int_equal(s.data, SCENARIO_DISK);
    assert_int_equal(s.retain_bytes, 2 << 20);
    assert_int_equal(s.checkpoint_epochs, 10);
    assert_int_equal(s.application, APPLICATION_LEDGER);
    assert_string_equal(s.mode, "hb-link");
    assert_string_equal(s.retrieval, "all");
    assert_int_equal(s.block_bytes, 500000);
    assert_int_equal(s.load, SCENARIO_POISSON);
    assert_true(s.load_bytes_s == 50000);
    assert_int_equal(s.payload_bytes, 1024);
    assert_int_equal(s.delay_us[1][3], 100000);
    assert_int_equal(s.delay_us[1][1], 0);
    assert_int_equal(s.loss_ppm[0][1], 1000);
    assert_int_equal(s.loss_ppm[0][0], 0);
    assert_true(s.loss);
    assert_int_equal(scenario_rate(&s, 0, 0), 5000000);
    assert_int_equal(scenario_rate(&s, 1, 60), 1000000);
    assert_int_equal(scenario_rate(&s, 2, 60), 0);
    assert_int_equal(scenario_rate(&s, 3, 1e9), 5750000);
    assert_true(scenario_bytes(&s, 3, 10, 14) == 4 * 5750000);
    assert_int_equal(scenario_rate_max(&s), 0);

    static const char *const texts[] = {"rate 2 10 MB/s", "partition 0|1-3", "kill 3", "heal",
                                        "restart 3"};
    static const double times[] = {-5, 1.5, 20, 40, 40};
    assert_int_equal(s.event_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(s.events[i].text, texts[i]);
        assert_true(s.events[i].at_s == times[i]);
    }
    assert_int_equal(s.events[0].command.rate, 5000000);
    assert_int_equal(s.events[1].command.group[2], 1);
    assert_int_equal(s.events[2].command.node, 3);
    scenario_free(&s);
}

/* Events count for the highest rate too. */
static void knows_the_highest_rate(void **state)
{
    (void)state;
    struct scenario s;
    must_load("[scenario]\nnodes = 2\nduration = 60 s\n[rates constant]\nrate = 1 MB/s\n" LOAD
              "[events]\n1 s = rate 1 3 MB/s\n2 s = rate 0 2 MB/s\n",
              &s);
    assert_int_equal(scenario_rate_max(&s), 3000000);
    scenario_free(&s);
    must_load("[scenario]\nnodes = 2\nduration = 60 s\n[rates constant]\nrate = 1 MB/s\n" LOAD
              "[events]\n1 s = rate 1 unlimited\n",
              &s);
    assert_int_equal(scenario_rate_max(&s), 0);
    scenario_free(&s);
}

#define SCENARIO "[scenario]\nnodes = 4\nduration = 60 s\n"
#define RATE     "a rate from 1kB/s to 4GB/s, as 10 MB/s or 80mbit"
#define KNOWN                                                                                  \
    "; known: scenario, links, rates constant, rates square, rates gauss-markov, rates file, " \
    "node 0 to node 3, load, events"

static void says_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", " [scenario] is missing; begin with it"},
        {"nodes = 4\n", "1: nodes stands before any section; begin with [scenario]"},
        {"[load]\n" SCENARIO, "1: [load] comes too early; begin with [scenario]"},
        {"[node 1]\n", "1: [node 1] comes too early; begin with [scenario]"},
        {SCENARIO, "3: [load] is missing; add it with kind = backlog or another"},
        {"[scenario]\nnodes = 4\n" LOAD, "1: duration is missing; add a line duration = ..."},
        {"[scenario]\nduration = 4 s\n", "1: nodes is missing; add a line nodes = ..."},
        {SCENARIO "[scenario]\n", "4: [scenario] comes a second time; put all of it at line 1"},
        {SCENARIO LOAD LOAD, "6: [load] comes a second time; put all of it at line 4"},
        {SCENARIO "[events]\n[events]\n",
         "5: [events] comes a second time; put all of it at line 4"},
        {SCENARIO "[node 1]\nrate = 1MB/s\n[node 1]\n",
         "6: [node 1] comes a second time; put all of it at line 4"},
        {SCENARIO "[node 4]\n", "4: unknown section [node 4]" KNOWN},
        {SCENARIO "[node 01]\n", "4: unknown section [node 01]" KNOWN},
        {SCENARIO "[rates]\n", "4: unknown section [rates]" KNOWN},
        {SCENARIO "node = 4\n",
         "4: unknown key node; known here: nodes seed scale warmup duration app mode retrieval "
         "block lag_target retain checkpoint_epochs data height_floor"},
        {SCENARIO "nodes = 4\n", "4: nodes comes a second time; keep one"},
        {SCENARIO "scale = 0\n", "4: scale = 0; give a factor from 0.001 to 1, as 0.35"},
        {SCENARIO "scale = 2\n", "4: scale = 2; give a factor from 0.001 to 1, as 0.35"},
        {SCENARIO "lag_target = 1.5 s\n",
         "4: lag_target = 1.5 s; give whole seconds from 1 s to 86400 s, as 30 s"},
        {SCENARIO "lag_target = 0 s\n",
         "4: lag_target = 0 s; give whole seconds from 1 s to 86400 s, as 30 s"},
        {SCENARIO "warmup = 30\n", "4: warmup = 30; give a time up to 86400 s, as 30 s or 2 min"},
        {"[scenario]\nduration = 0 s\n",
         "2: duration = 0 s; give a time from 1 s to 86400 s, as 30 s or 2 min"},
        {"[scenario]\nnodes = 129\n", "2: nodes = 129; give a number from 1 to 128"},
        {SCENARIO "seed = x\n", "4: seed = x; give a number from 0 to 18446744073709551615"},
        {SCENARIO "app = bank\n", "4: app = bank; give ledger or log"},
        {SCENARIO "mode = fast\n", "4: mode = fast; give dl, dl-coupled, hb-link or hb"},
        {SCENARIO "retrieval = some\n", "4: retrieval = some; give lean or all"},
        {SCENARIO "block = 1\n", "4: block = 1; give a size from 1KB to 1GiB, as 500KB or 1MB"},
        {SCENARIO "block = 2000MiB\n",
         "4: block = 2000MiB; give a size from 1KB to 1GiB, as 500KB or 1MB"},
        {SCENARIO "block = 9MiB\n" LOAD,
         "1: block, times the scale, is more than 8MiB; give a smaller one"},
        {SCENARIO "height_floor = 1.5\n",
         "4: height_floor = 1.5; give a share from 0 to 1, as 0.5 or 50 %"},
        /* Links and rates. */
        {SCENARIO "[links]\ndelay = 11 s\n", "5: delay = 11 s; give a time up to 10 s, as 100 ms"},
        {SCENARIO "[links]\nloss = 2\n", "5: loss = 2; give a share from 0 to 1, as 0.5 or 50 %"},
        {SCENARIO "[links]\ndelay = 1 s\ndelays = x.csv\n" LOAD,
         "4: both delay and delays; keep one"},
        {SCENARIO "[node 0]\nrate = 0\n", "5: rate = 0; give " RATE ", or unlimited"},
        {SCENARIO "[node 0]\n" LOAD, "4: rate is missing; add a line rate = ..."},
        {SCENARIO "[rates constant]\n" LOAD, "4: rate is missing; add a line rate = ..."},
        {SCENARIO "[rates constant]\nhigh = 1MB/s\n",
         "5: unknown key high; known here: rate rate_step"},
        {SCENARIO "[rates square]\nhigh = unlimited\n", "5: high = unlimited; give " RATE},
        {SCENARIO "[rates square]\nperiod = 0 s\n",
         "5: period = 0 s; give a time from 100 ms to 3600 s, as 0.5 s"},
        {SCENARIO "[rates gauss-markov]\ncorrelation = 1.1\n",
         "5: correlation = 1.1; give a share from 0 to 1, as 0.5 or 50 %"},
        {SCENARIO "[rates constant]\nrate = 1MB/s\n[rates square]\n",
         "6: [rates constant] stands at line 4 already; keep one [rates ...]"},
        {"[scenario]\nnodes = 4\nduration = 86400 s\n[rates square]\nhigh = 2MB/s\nlow = 1MB/s\n"
         "period = 20 s\nstep = 100 ms\n" LOAD,
         "4: 864300 steps of 0.1 s; give a step by which they are at most 100000"},
        /* Load. */
        {SCENARIO "[load]\n", "4: kind is missing; add a line kind = ..."},
        {SCENARIO "[load]\nkind = much\n", "5: kind = much; give idle, backlog, fixed or poisson"},
        {SCENARIO "[load]\nkind = fixed\n",
         "4: kind = fixed has a rate; add a line rate = 100 kB/s"},
        {SCENARIO "[load]\nkind = idle\nrate = 1 MB/s\n",
         "4: kind = idle has no rate; remove it, or give kind = fixed"},
        {SCENARIO "[load]\nrate = unlimited\n", "5: rate = unlimited; give " RATE},
        {SCENARIO "[load]\npayload = 65KiB\n",
         "5: payload = 65KiB; give a size from 1B to 64KiB, as 250B"},
        /* Events. */
        {SCENARIO "[events]\n20 = heal\n", "5: event at 20; give a time from -30 s to 60 s"},
        {SCENARIO "[events]\n61 s = heal\n", "5: event at 61 s; give a time from -30 s to 60 s"},
        {SCENARIO "[events]\n-31 s = heal\n", "5: event at -31 s; give a time from -30 s to 60 s"},
        {SCENARIO "[events]\n--1 s = heal\n", "5: event at --1 s; give a time from -30 s to 60 s"},
        {SCENARIO "[events]\n1 s = kill 4\n", "5: kill 4; give kill and a node from 0 to 3"},
        {SCENARIO "[events]\n1 s = down\n", "5: down is no event; give kill, restart, replace, "
                                            "pause, resume, rate, partition or heal"},
        {SCENARIO "[events]\n1 s = heal\n[node 2]\n" LOAD,
         "6: rate is missing; add a line rate = ..."},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char expected[512];
        struct scenario s;
        assert_int_equal(load(rows[i].text, &s), -1);
        snprintf(expected, sizeof expected, "%s:%s", path_of("t.conf"), rows[i].message);
        assert_string_equal(message, expected);
        assert_null(s.rates);
        assert_null(s.events);
    }
}

static void bounds_events(void **state)
{
    (void)state;
    for (unsigned more = 0; more <= 1; more++) {
        char text[8192] = SCENARIO LOAD "[events]\n";
        for (unsigned i = 0; i < SCENARIO_EVENTS_MAX + more; i++)
            strcat(text, "1 s = heal\n");
        struct scenario s;
        assert_int_equal(load(text, &s), more ? -1 : 0);
        if (more)
            assert_non_null(strstr(message, "conf:263: a scenario has at most 256 events"));
        scenario_free(&s);
    }
}

static void is_named_as_its_file(void **state)
{
    (void)state;
    static const char *const names[] = {"a b.conf", ".conf/", "x/12345678901234567890123456789012",
                                        ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct scenario s;
        assert_int_equal(scenario_load_file(names[i], &s, message, sizeof message), -1);
        assert_non_null(strstr(message, "the file's name is the scenario's"));
    }
    struct scenario s;
    assert_int_equal(scenario_load_file("/nowhere/x.conf", &s, message, sizeof message), -1);
    assert_string_equal(message, "/nowhere/x.conf: cannot be opened: No such file or directory");
}

/* A good file with bytes changed, taken out and doubled is read or refused, nothing else. */
static void survives_any_bytes(void **state)
{
    (void)state;
    static const char good[] = TRACED LOAD "[links]\ndelays = t.csv\n[node 1]\nrate = 1 MB/s\n"
                                           "[events]\n1 s = partition 0|1\n2 s = rate 1 5mbit\n";
    static const char table[] = "site,a,b\na,0,1.5\nb,2,0\n";
    uint64_t random = 1;
    for (unsigned i = 0; i < 2000; i++) {
        char text[sizeof good + 1];
        size_t size = sizeof good - 1;
        const bool matrix = i % 2;
        size = matrix ? sizeof table - 1 : size;
        memcpy(text, matrix ? table : good, size);
        for (unsigned change = 0; change < 3; change++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            text[(random >> 33) % size] = (char)(random >> 25);
        }
        write_text("t.csv", table);
        struct scenario s;
        FILE *file = fopen(path_of(matrix ? "t.csv" : "t.conf"), "w");
        assert_non_null(file);
        assert_int_equal(fwrite(text, 1, size, file), size);
        assert_int_equal(fclose(file), 0);
        if (matrix)
            write_text("t.conf", PLACED);
        message[0] = '\0';
        const int error = scenario_load_file(path_of("t.conf"), &s, message, sizeof message);
        assert_int_equal(error != 0, message[0] != '\0');
        scenario_free(&s);
    }
}

static void all_in_the_tree_are_good(void **state)
{
    (void)state;
    static const char *const issued[] = {
        "spatial",  "temporal",  "temporal-fast", "bursty",     "geo",  "latency",  "scale-4",
        "scale-64", "slow-node", "tiers",         "censorship", "blip", "catch-up", "short"};
    unsigned count = 0, found = 0;
    DIR *folder = opendir("testnet/scenarios");
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        const char *ending = strrchr(entry->d_name, '.');
        if (!ending || strcmp(ending, ".conf") != 0)
            continue;
        char path[512];
        struct scenario s;
        snprintf(path, sizeof path, "testnet/scenarios/%s", entry->d_name);
        if (scenario_load_file(path, &s, message, sizeof message))
            fail_msg("%s", message);
        count++;
        for (size_t i = 0; i < sizeof issued / sizeof *issued; i++)
            found += strcmp(issued[i], s.name) == 0;
        assert_true(scenario_rate_max(&s) > 0);
        assert_true(s.delay_us[0][1] > 0);
        scenario_free(&s);
    }
    closedir(folder);
    assert_int_equal(found, sizeof issued / sizeof *issued);
    assert_true(count >= found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_defaults_that_are_documented),
        cmocka_unit_test(reads_what_is_written),
        cmocka_unit_test(knows_the_highest_rate),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(bounds_events),
        cmocka_unit_test(is_named_as_its_file),
        cmocka_unit_test(survives_any_bytes),
        cmocka_unit_test(all_in_the_tree_are_good),
    };
    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
