-- Beds (src/plass.rs): which stay has which bed of a place.
CREATE TABLE seng (
    opphold TEXT PRIMARY KEY,
    plass TEXT NOT NULL,
    nr BIGINT NOT NULL CHECK (nr > 0)
);
CREATE UNIQUE INDEX seng_en ON seng (plass, nr);

-- Stays that go on have the bed that they are in: the last place of a stay is
-- the only one without a last day.
INSERT INTO seng (opphold, plass, nr)
SELECT o.id, p.id, ROW_NUMBER() OVER (PARTITION BY p.id ORDER BY o.id)
FROM opphold o JOIN plass p ON o.innhold LIKE '%{"plass":"enheter/' || p.enhet || '/plasser/'
    || p.id || '","leverandor":"' || REPLACE(p.leverandor, '"', '\"')
    || '","fra":"____-__-__","til":null,%' ESCAPE '~'
WHERE o.tilstand = 'APEN';
