-- Editions of a mapping. The row of `kartlegging` is the edition that holds: the
-- latest complete one, or the first while it is being mapped. The others stand
-- here: those before it, and the one that is being mapped after it.
ALTER TABLE kartlegging ADD COLUMN tilstand TEXT NOT NULL DEFAULT 'FERDIG'
    CHECK (tilstand IN ('PAGAR', 'FERDIG'));
ALTER TABLE kartlegging ADD COLUMN utgave BIGINT NOT NULL DEFAULT 1 CHECK (utgave > 0);
CREATE TABLE kartlegging_utgave (
    kartlegging TEXT NOT NULL REFERENCES kartlegging (id),
    utgave BIGINT NOT NULL CHECK (utgave > 0),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('PAGAR', 'FERDIG')),
    innhold TEXT NOT NULL,
    PRIMARY KEY (kartlegging, utgave)
);
-- One edition at a time is being mapped.
CREATE UNIQUE INDEX kartlegging_utgave_apen ON kartlegging_utgave (kartlegging)
    WHERE tilstand = 'PAGAR';
