-- Every run of a deadline, also after it was met: from when it was set until it
-- was met, moved or taken away. What was open at a moment is asked of a person.
CREATE TABLE chassis_fristlop (
    id TEXT PRIMARY KEY,
    post TEXT NOT NULL,
    type TEXT NOT NULL,
    person TEXT NOT NULL,
    eier TEXT NOT NULL,
    mottakere TEXT NOT NULL,
    satt BIGINT NOT NULL,
    forfall BIGINT NOT NULL,
    varslet BIGINT,
    brutt BIGINT,
    avsluttet BIGINT,
    traceparent TEXT NOT NULL
);
CREATE UNIQUE INDEX chassis_fristlop_apen ON chassis_fristlop (post, type) WHERE avsluttet IS NULL;
CREATE INDEX chassis_fristlop_person ON chassis_fristlop (person, satt, id) WHERE person <> '';

-- Those that run now began when nobody wrote it down: they have run from the
-- beginning of time, as far as is known.
INSERT INTO chassis_fristlop (id, post, type, person, eier, mottakere, satt, forfall, varslet, brutt, avsluttet, traceparent)
SELECT post || '/' || type, post, type, person, eier, mottakere, 0, forfall, varslet, brutt, NULL, traceparent
FROM chassis_frist;
