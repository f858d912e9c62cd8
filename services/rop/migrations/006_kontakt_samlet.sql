-- Contacts of one person lie together on SQLite, so that the latest of them are
-- some pages, however many contacts there are of others. The table is made anew.
CREATE TABLE kontakt_ny (
    id TEXT NOT NULL,
    person TEXT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    utfall TEXT NOT NULL CHECK (utfall IN ('MOTT', 'IKKE_MOTT', 'TAKKET_NEI')),
    tidspunkt BIGINT NOT NULL,
    tilbud_apent BIGINT NOT NULL CHECK (tilbud_apent IN (0, 1)),
    innhold TEXT NOT NULL,
    minutter BIGINT NOT NULL,
    tiltak TEXT NOT NULL,
    rettelse TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (person, id),
    CHECK (tilbud_apent = 0 OR utfall = 'TAKKET_NEI')
) WITHOUT ROWID;
INSERT INTO kontakt_ny (id, person, ansvarlig_enhet, utfall, tidspunkt, tilbud_apent, innhold,
        minutter, tiltak, rettelse)
    SELECT id, person, ansvarlig_enhet, utfall, tidspunkt, tilbud_apent, innhold,
        minutter, tiltak, rettelse FROM kontakt ORDER BY person, id;
DROP TABLE kontakt;
ALTER TABLE kontakt_ny RENAME TO kontakt;
CREATE INDEX kontakt_rekke ON kontakt (person, tidspunkt, id) WHERE rettelse = '';
CREATE INDEX kontakt_ventende ON kontakt (person, id) WHERE tilbud_apent = 1;
CREATE INDEX kontakt_telling ON kontakt (ansvarlig_enhet, utfall, tidspunkt) WHERE rettelse = '';
CREATE INDEX kontakt_tiltak ON kontakt (tiltak, tidspunkt, utfall, minutter)
    WHERE tiltak <> '' AND rettelse = '';
