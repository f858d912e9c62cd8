-- What a mapping of need found: written once, when the application is ready.
CREATE TABLE kartlegging (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    soknad TEXT NOT NULL UNIQUE REFERENCES soknad (id),
    innhold TEXT NOT NULL
);
CREATE INDEX kartlegging_person ON kartlegging (person, id);
