-- What is needed and what there is, at any instant (src/behov). Nothing is
-- filled in for what stood here before: no release had it.

-- Stays in temporary housing, as nav's events tell of them in whatever order.
-- The second line is what follows from all of a person's: the clock goes on from
-- the stay before where the event says so. `til` is after everything while it
-- lasts.
CREATE TABLE opphold (
    post TEXT PRIMARY KEY CHECK (post <> ''),
    person TEXT NOT NULL CHECK (person <> ''),
    startet BIGINT, fortsetter BIGINT NOT NULL DEFAULT 0, passert BIGINT, slutt BIGINT,
    fra BIGINT, til BIGINT NOT NULL DEFAULT 9223372036854775807, klokke_fra BIGINT, over_fra BIGINT
);
CREATE INDEX opphold_til ON opphold (til);
CREATE INDEX opphold_person ON opphold (person);

-- Open applications: what counts of them, in which version, from when to when.
CREATE TABLE boligbehov (
    sak TEXT NOT NULL REFERENCES boligsak (id),
    versjon BIGINT NOT NULL,
    person TEXT NOT NULL,
    tildelingstype TEXT NOT NULL CHECK (tildelingstype <> ''),
    status TEXT NOT NULL CHECK (status IN ('PA_LISTEN', 'UAVGJORT')),
    siden BIGINT NOT NULL,
    fra BIGINT NOT NULL,
    til BIGINT NOT NULL CHECK (til >= fra),
    onsket TEXT NOT NULL,
    PRIMARY KEY (sak, versjon)
);
CREATE UNIQUE INDEX boligbehov_ett_apent ON boligbehov (sak) WHERE til = 9223372036854775807;
CREATE INDEX boligbehov_til ON boligbehov (til);

-- What a dwelling was before it became what it is.
CREATE TABLE boligtilstand (
    bolig TEXT NOT NULL REFERENCES bolig (id),
    tildelingstype TEXT NOT NULL,
    tilstand TEXT NOT NULL,
    fra BIGINT NOT NULL,
    til BIGINT NOT NULL CHECK (til >= fra)
);
CREATE INDEX boligtilstand_bolig ON boligtilstand (bolig, til);
CREATE INDEX boligtilstand_til ON boligtilstand (til);
CREATE INDEX tomgang_til ON tomgang (til);

-- Months that are published; never changed.
CREATE TABLE publisert_behov (
    maned TEXT PRIMARY KEY,
    innhold TEXT NOT NULL
);
