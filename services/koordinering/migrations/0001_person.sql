-- Who a person is to the mesh. No identity number and no name stands here in
-- clear: both are sealed under the key that the row names.
CREATE TABLE person (
    id TEXT PRIMARY KEY,
    versjon BIGINT NOT NULL,
    visningsnavn TEXT,
    visningsnavn_nokkel TEXT,
    -- The id that remains, when this one was merged. Always one step: a merge
    -- moves those that pointed here.
    sammenslatt_med TEXT REFERENCES person (id),
    -- 1 when something was ever registered about the person. An id that never
    -- was used is purged some time after it was last asked for.
    i_bruk BIGINT NOT NULL,
    sist_sikret BIGINT NOT NULL,
    CHECK (sammenslatt_med <> id),
    CHECK ((visningsnavn IS NULL) = (visningsnavn_nokkel IS NULL))
);
CREATE INDEX person_sammenslatt ON person (sammenslatt_med) WHERE sammenslatt_med IS NOT NULL;

-- oppslag is the HMAC of the number under the key that the row names.
CREATE TABLE identitet (
    oppslag TEXT PRIMARY KEY,
    person TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    nokkel TEXT NOT NULL,
    nummer TEXT NOT NULL
);
CREATE INDEX identitet_person ON identitet (person);

-- Who merged whom, and how it was known.
CREATE TABLE sammenslaing (
    duplikat TEXT PRIMARY KEY REFERENCES person (id),
    gjenstar TEXT NOT NULL REFERENCES person (id),
    av TEXT NOT NULL,
    tid BIGINT NOT NULL,
    begrunnelse TEXT NOT NULL
);

-- Until when an employee's calls of SikrePerson are used up.
CREATE TABLE kvote (
    ansatt TEXT PRIMARY KEY,
    brukt_til BIGINT NOT NULL
);
