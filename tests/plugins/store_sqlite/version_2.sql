BEGIN TRANSACTION;
CREATE TABLE attempt ( -- those before a job's last one, which is in `job`
        run INTEGER NOT NULL REFERENCES run (id),
        job INTEGER NOT NULL,
        number INTEGER NOT NULL,
        worker INTEGER NOT NULL REFERENCES worker (id),
        started INTEGER NOT NULL,
        duration INTEGER NOT NULL,
        PRIMARY KEY (run, job, number)
    ) WITHOUT ROWID
    ;
INSERT INTO "attempt" VALUES(1,2,1,1,1000000,500000);
INSERT INTO "attempt" VALUES(1,2,2,3,2000000,500000);
CREATE TABLE definition (
        task INTEGER PRIMARY KEY REFERENCES task (id),
        tree TEXT NOT NULL,
        untracked TEXT NOT NULL
    );
CREATE TABLE entry (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        digest BLOB NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        name TEXT NOT NULL, -- of a task or class; the place of an external value; a context path
        state BLOB,         -- fingerprint, or digest of what is there; NULL: missing
        detail BLOB,        -- a task's policy; an external value's kind
        epoch INTEGER
    );
INSERT INTO "entry" VALUES(1,X'3B75F8C8E7D9575D19988ACF56C41700','task','flow.f',X'66696E6765727072696E742D6F662D66',X'706F6C6963792D6F662D66',0);
CREATE TABLE footprint (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        digest BLOB NOT NULL UNIQUE,
        entries TEXT NOT NULL -- ids of entries, a JSON list
    );
INSERT INTO "footprint" VALUES(1,X'820E3911C7FF7B3808A157F4024735AA','[1]');
CREATE TABLE job (
        run INTEGER NOT NULL REFERENCES run (id),
        number INTEGER NOT NULL,
        parent INTEGER NOT NULL,
        task INTEGER NOT NULL REFERENCES task (id),
        status TEXT NOT NULL,
        key BLOB NOT NULL,
        value BLOB,
        started INTEGER,  -- microseconds since the run's start
        duration INTEGER, -- microseconds
        worker INTEGER REFERENCES worker (id),
        arguments TEXT,
        upstreams TEXT,
        error TEXT,
        traceback TEXT,
        output TEXT,
        PRIMARY KEY (run, number)
    ) WITHOUT ROWID
    ;
INSERT INTO "job" VALUES(1,1,0,1,'ran',X'D3C3FDC57C3598EC61DC51DB575DE7CE',NULL,1000000,1000000,1,'(1)',NULL,NULL,NULL,NULL);
INSERT INTO "job" VALUES(1,2,0,1,'failed',X'51D3F98164F8341E79821055EC002F61',NULL,3000000,500000,2,'(2)','[1]','ValueError: no',NULL,'printed');
CREATE TABLE memo (
        key BLOB NOT NULL,
        footprint INTEGER NOT NULL, -- what the normal form rests on; 0: not a normal form
        externals INTEGER NOT NULL, -- external values in it, a footprint's id; 0: none
        returned INTEGER NOT NULL,  -- 1: the application itself returned this
        lazy INTEGER NOT NULL,      -- 1: it holds expressions
        task INTEGER REFERENCES task (id),
        used INTEGER NOT NULL,      -- milliseconds since the epoch
        token BLOB NOT NULL,
        codec TEXT,
        data BLOB,                  -- NULL: in `value`, under the token's digest
        names TEXT,                 -- classes and functions in it, a JSON list
        checksum INTEGER NOT NULL,
        UNIQUE (key, footprint, externals)
    );
INSERT INTO "memo" VALUES(X'D3C3FDC57C3598EC61DC51DB575DE7CE',1,0,1,0,1,1795379870684,X'736F6E65','scalar',X'736F6E65',NULL,1030722997);
CREATE TABLE run (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        task TEXT NOT NULL,
        arguments TEXT NOT NULL,
        status TEXT NOT NULL,
        started REAL NOT NULL,   -- seconds since the epoch, as all times of a run
        finished REAL,
        beat REAL NOT NULL,      -- when it was last known to be alive
        host TEXT NOT NULL,
        process INTEGER NOT NULL,
        process_started INTEGER, -- clock ticks since boot: process ids are used again
        user TEXT NOT NULL,
        command TEXT NOT NULL,
        tags TEXT NOT NULL,
        counts TEXT NOT NULL,
        error TEXT NOT NULL
    );
INSERT INTO "run" VALUES(1,'flow.main','(1, 2)','failed',1700000000.0,1.79537987068483185764e+09,1.79537987068483185764e+09,'host',1,13,'','','{"why":"old"}','{"ran":1,"failed":1}','ValueError: no');
CREATE TABLE task (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        fingerprint BLOB NOT NULL,
        epoch INTEGER NOT NULL DEFAULT 0, -- how often its results have disagreed
        UNIQUE (name, fingerprint)
    );
INSERT INTO "task" VALUES(1,'flow.f',X'66696E6765727072696E742D6F662D66',0);
CREATE TABLE value ( -- those too large for `memo`
        id INTEGER PRIMARY KEY,
        digest BLOB NOT NULL UNIQUE,
        codec TEXT NOT NULL,
        data BLOB NOT NULL,
        checksum BLOB NOT NULL
    );
CREATE TABLE worker (
        id INTEGER PRIMARY KEY,
        executor TEXT NOT NULL,
        name TEXT NOT NULL,
        UNIQUE (executor, name)
    );
INSERT INTO "worker" VALUES(1,'threads','w1');
INSERT INTO "worker" VALUES(2,'threads','w3');
INSERT INTO "worker" VALUES(3,'threads','w2');
CREATE INDEX run_running ON run (id) WHERE status = 'running';
CREATE VIEW "runs" AS 
        SELECT id, task, arguments, status, strftime('%Y-%m-%dT%H:%M:%fZ', started, 'unixepoch') AS started,
            round(finished - started, 3) AS seconds, counts, error, tags, command,
            user, host, process
        FROM run ORDER BY id DESC;
CREATE VIEW "jobs" AS 
        SELECT job.run, job.number, job.parent, task.name AS task, job.arguments, job.status,
            strftime('%Y-%m-%dT%H:%M:%fZ', run.started + job.started / 1e6, 'unixepoch') AS started, job.duration / 1e6 AS seconds,
            worker.executor, worker.name AS worker, job.upstreams, job.error, job.traceback,
            job.output, lower(hex(job.key)) AS key, lower(hex(job.value)) AS value,
            lower(hex(task.fingerprint)) AS fingerprint
        FROM job
            JOIN run ON run.id = job.run
            JOIN task ON task.id = job.task
            LEFT JOIN worker ON worker.id = job.worker;
CREATE VIEW "tasks" AS 
        SELECT task.id, task.name, lower(hex(task.fingerprint)) AS fingerprint, task.epoch,
            definition.tree, definition.untracked
        FROM task LEFT JOIN definition ON definition.task = task.id;
CREATE VIEW "results" AS 
        SELECT task.name AS task, lower(hex(memo.key)) AS key,
            CASE WHEN memo.footprint = 0 THEN 'returned'
                WHEN memo.returned THEN 'returned, normal form'
                ELSE 'normal form' END AS what,
            strftime('%Y-%m-%dT%H:%M:%fZ', memo.used / 1e3, 'unixepoch') AS used, coalesce(memo.codec, value.codec) AS codec,
            length(coalesce(memo.data, value.data)) AS bytes, lower(hex(memo.token)) AS token,
            memo.footprint, memo.externals
        FROM memo
            LEFT JOIN task ON task.id = memo.task
            LEFT JOIN value ON memo.data IS NULL AND value.digest = substr(memo.token, 2);
CREATE VIEW "footprints" AS 
        SELECT footprint.id AS footprint, entry.kind, entry.name, lower(hex(entry.state)) AS state,
            CASE entry.kind WHEN 'task' THEN lower(hex(entry.detail))
                ELSE CAST(entry.detail AS TEXT) END AS detail, entry.epoch
        FROM footprint, json_each(footprint.entries) AS part
            JOIN entry ON entry.id = part.value;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('run',1);
INSERT INTO "sqlite_sequence" VALUES('entry',1);
INSERT INTO "sqlite_sequence" VALUES('footprint',1);
COMMIT;
PRAGMA application_id = 1097625454;
PRAGMA user_version = 2;
