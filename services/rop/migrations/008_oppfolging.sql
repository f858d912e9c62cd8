-- Whom the unit follows (src/oppfolging): one open record for a person.
CREATE TABLE oppfolging (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'LUKKET')),
    nokkel TEXT NOT NULL, frist BIGINT, innhold TEXT NOT NULL,
    fra BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX oppfolging_person ON oppfolging (person, id);
CREATE UNIQUE INDEX oppfolging_en_apen ON oppfolging (person) WHERE tilstand = 'APEN';

-- Oppdrag of bestillerkontor that the unit has heard of, and whether they go
-- on: what has ended once begins no more.
CREATE TABLE kjent_oppdrag (
    navn TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    apent BIGINT NOT NULL CHECK (apent IN (0, 1))
);
CREATE INDEX kjent_oppdrag_apent ON kjent_oppdrag (person, navn) WHERE apent = 1;

-- Feedback of one person that waits for its answer.
CREATE INDEX tilbakemelding_person_apen ON tilbakemelding (person) WHERE tilstand = 'APEN';
