-- Who of the persons for whom a tiltak is open has which plan (`plan` is the
-- number of the contract), as it was from `fra` until `til`: far ahead while it
-- goes on, so that a day that has passed is counted as it was.
CREATE TABLE plandekning (
    person TEXT NOT NULL,
    plan BIGINT NOT NULL CHECK (plan BETWEEN 1 AND 4),
    enhet TEXT NOT NULL CHECK (enhet <> ''),
    har BIGINT NOT NULL CHECK (har IN (0, 1)),
    fra BIGINT NOT NULL,
    til BIGINT NOT NULL,
    PRIMARY KEY (person, plan, fra)
);
CREATE UNIQUE INDEX plandekning_na ON plandekning (person, plan)
    WHERE til = 9223372036854775807;
CREATE INDEX plandekning_mangler ON plandekning (enhet, plan, person, fra)
    WHERE til = 9223372036854775807 AND har = 0;
CREATE INDEX plandekning_telling ON plandekning (enhet, plan, har, til, fra);
INSERT INTO plandekning (person, plan, enhet, har, fra, til)
    SELECT DISTINCT t.person, 1, t.ansvarlig_enhet, CASE WHEN EXISTS (SELECT 1 FROM behandlingsplan p
        WHERE p.person = t.person AND p.tilstand = 'APEN') THEN 1 ELSE 0 END, 0, 9223372036854775807
    FROM tiltak t WHERE t.tilstand = 'APEN';
INSERT INTO plandekning (person, plan, enhet, har, fra, til)
    SELECT DISTINCT t.person, 2, t.ansvarlig_enhet, CASE WHEN EXISTS (SELECT 1 FROM kriseplan p
        WHERE p.person = t.person AND p.nyeste = 1) THEN 1 ELSE 0 END, 0, 9223372036854775807
    FROM tiltak t WHERE t.tilstand = 'APEN';
INSERT INTO plandekning (person, plan, enhet, har, fra, til)
    SELECT DISTINCT t.person, 3, t.ansvarlig_enhet, CASE WHEN EXISTS (SELECT 1 FROM primaerkontakt p
        WHERE p.person = t.person AND p.tilstand = 'APEN') THEN 1 ELSE 0 END, 0, 9223372036854775807
    FROM tiltak t WHERE t.tilstand = 'APEN';
INSERT INTO plandekning (person, plan, enhet, har, fra, til)
    SELECT DISTINCT t.person, 4, t.ansvarlig_enhet, CASE WHEN EXISTS (SELECT 1 FROM hovedforlop p
        WHERE p.person = t.person AND p.tilstand = 'APEN') THEN 1 ELSE 0 END, 0, 9223372036854775807
    FROM tiltak t WHERE t.tilstand = 'APEN';

-- Offers of all units, from their first day. Empty: from before this was kept.
ALTER TABLE aktivitetstilbud ADD COLUMN gjelder_fra TEXT NOT NULL DEFAULT '';
CREATE INDEX aktivitetstilbud_alle ON aktivitetstilbud (id) WHERE aktivt = 1;

-- Contacts: why one was wrong, as a document; empty while nobody said so. Only
-- those count.
ALTER TABLE kontakt ADD COLUMN rettelse TEXT NOT NULL DEFAULT '';
DROP INDEX kontakt_rekke;
CREATE INDEX kontakt_rekke ON kontakt (person, tidspunkt, id) WHERE rettelse = '';
DROP INDEX kontakt_telling;
CREATE INDEX kontakt_telling ON kontakt (ansvarlig_enhet, utfall, tidspunkt) WHERE rettelse = '';
DROP INDEX kontakt_tiltak;
CREATE INDEX kontakt_tiltak ON kontakt (tiltak, tidspunkt, utfall, minutter)
    WHERE tiltak <> '' AND rettelse = '';

-- Anonymous counts: one that another stands for counts no more, and the other
-- may say that there was none. The table is made anew, for its check cannot be
-- changed.
CREATE TABLE lavterskel_ny (
    id TEXT PRIMARY KEY,
    enhet TEXT NOT NULL CHECK (enhet <> ''),
    dag TEXT NOT NULL,
    type BIGINT NOT NULL,
    antall BIGINT NOT NULL CHECK (antall >= 0),
    rettet BIGINT NOT NULL CHECK (rettet IN (0, 1)),
    innhold TEXT NOT NULL
);
INSERT INTO lavterskel_ny (id, enhet, dag, type, antall, rettet, innhold)
    SELECT id, enhet, dag, type, antall, 0, innhold FROM lavterskel;
DROP TABLE lavterskel;
ALTER TABLE lavterskel_ny RENAME TO lavterskel;
CREATE INDEX lavterskel_dag ON lavterskel (enhet, dag, id);
CREATE INDEX lavterskel_telling ON lavterskel (enhet, dag, antall) WHERE rettet = 0;

-- Tasks of one more kind.
CREATE TABLE oppgave_ny (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'KVITTERT', 'BORTFALT')),
    type TEXT NOT NULL CHECK (type IN ('OPPDRAG_TILBUDT', 'OPPSOKENDE', 'NYTT_TILBUD',
        'PLANLAGT_KONTAKT', 'EVALUERING', 'KONTAKTSTEG', 'TILBAKEMELDING', 'RISIKOVURDERING',
        'OPPDATER_TILTAK', 'FIT_UNDER_GRENSEN')),
    post TEXT NOT NULL CHECK (post <> ''),
    venter BIGINT NOT NULL CHECK (venter IN (0, 1)),
    frist BIGINT NOT NULL,
    innhold TEXT NOT NULL,
    UNIQUE (type, post)
);
INSERT INTO oppgave_ny
    (id, person, versjon, ansvarlig_enhet, tilstand, type, post, venter, frist, innhold)
    SELECT id, person, versjon, ansvarlig_enhet, tilstand, type, post, venter, frist, innhold
    FROM oppgave;
DROP TABLE oppgave;
ALTER TABLE oppgave_ny RENAME TO oppgave;
CREATE INDEX oppgave_venter ON oppgave (ansvarlig_enhet, frist, id) WHERE venter = 1;
CREATE INDEX oppgave_venter_type ON oppgave (ansvarlig_enhet, type, frist, id) WHERE venter = 1;
CREATE INDEX oppgave_person ON oppgave (person, type, id) WHERE venter = 1;
CREATE UNIQUE INDEX oppgave_en_oppsokende ON oppgave (person)
    WHERE tilstand = 'APEN' AND type = 'OPPSOKENDE';
