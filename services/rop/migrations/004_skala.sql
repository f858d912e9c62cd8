-- Whatever is asked for is found by an index alone, however long the history.
DROP INDEX kontakt_tilbud;
CREATE INDEX kontakt_ventende ON kontakt (person, id) WHERE tilbud_apent = 1;
DROP INDEX kontakt_enhet_tid;
CREATE INDEX kontakt_telling ON kontakt (ansvarlig_enhet, utfall, tidspunkt);
DROP INDEX kontakt_tiltak;
CREATE INDEX kontakt_tiltak ON kontakt (tiltak, tidspunkt, utfall, minutter) WHERE tiltak <> '';
DROP INDEX lavterskel_dag;
CREATE INDEX lavterskel_dag ON lavterskel (enhet, dag, id, antall);
DROP INDEX planlagt_kontakt_apen;
CREATE INDEX planlagt_kontakt_apen ON planlagt_kontakt (person, id) WHERE tilstand = 'APEN';
CREATE INDEX tiltak_apent ON tiltak (person, id) WHERE tilstand = 'APEN';

-- From when a record holds, for figures of a time that has passed. 0: since
-- before this was kept.
ALTER TABLE planlagt_kontakt ADD COLUMN fra BIGINT NOT NULL DEFAULT 0;
ALTER TABLE behandlingsplan ADD COLUMN fra BIGINT NOT NULL DEFAULT 0;
ALTER TABLE hovedforlop ADD COLUMN fra BIGINT NOT NULL DEFAULT 0;
ALTER TABLE kontaktplan ADD COLUMN fra BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tilbakemelding ADD COLUMN fra BIGINT NOT NULL DEFAULT 0;
ALTER TABLE primaerkontakt ADD COLUMN fra BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tiltak ADD COLUMN fra BIGINT NOT NULL DEFAULT 0;

-- `frist` of a pathway is its end, as that of a tiltak.
UPDATE hovedforlop SET frist =
    CASE WHEN tilstand = 'APEN' THEN 9223372036854775807 ELSE 0 END;
DROP INDEX hovedforlop_telling;
CREATE INDEX hovedforlop_telling ON hovedforlop (ansvarlig_enhet, nokkel, frist, fra);

-- When the person was first met under a tiltak; far ahead until then.
ALTER TABLE tiltak ADD COLUMN forst_mott BIGINT NOT NULL DEFAULT 9223372036854775807;
UPDATE tiltak SET forst_mott = COALESCE(
    (SELECT MIN(k.tidspunkt) FROM kontakt k
     WHERE k.tiltak = tiltak.id AND k.tiltak <> '' AND k.utfall = 'MOTT'),
    9223372036854775807);
CREATE INDEX tiltak_telling ON tiltak (ansvarlig_enhet, forst_mott, frist, fra);

-- The work list: what breaks next, taken or not, until it is done. The table is
-- made anew, for its check cannot be changed.
CREATE TABLE oppgave_ny (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'KVITTERT', 'BORTFALT')),
    type TEXT NOT NULL CHECK (type IN ('OPPDRAG_TILBUDT', 'OPPSOKENDE', 'NYTT_TILBUD',
        'PLANLAGT_KONTAKT', 'EVALUERING', 'KONTAKTSTEG', 'TILBAKEMELDING', 'RISIKOVURDERING',
        'OPPDATER_TILTAK')),
    post TEXT NOT NULL CHECK (post <> ''),
    venter BIGINT NOT NULL CHECK (venter IN (0, 1)),
    frist BIGINT NOT NULL,
    innhold TEXT NOT NULL,
    UNIQUE (type, post)
);
INSERT INTO oppgave_ny
    (id, person, versjon, ansvarlig_enhet, tilstand, type, post, venter, frist, innhold)
    SELECT id, person, versjon, ansvarlig_enhet, tilstand, type, post,
           CASE WHEN tilstand = 'APEN' OR ugjort = 1 THEN 1 ELSE 0 END, 0, innhold
    FROM oppgave;
DROP TABLE oppgave;
ALTER TABLE oppgave_ny RENAME TO oppgave;
CREATE INDEX oppgave_venter ON oppgave (ansvarlig_enhet, frist, id) WHERE venter = 1;
CREATE INDEX oppgave_venter_type ON oppgave (ansvarlig_enhet, type, frist, id) WHERE venter = 1;
CREATE INDEX oppgave_person ON oppgave (person, type, id) WHERE venter = 1;
CREATE UNIQUE INDEX oppgave_en_oppsokende ON oppgave (person)
    WHERE tilstand = 'APEN' AND type = 'OPPSOKENDE';
