-- Break-glass sessions. `ko` is the order of a unit's list: waiting for review
-- first ('0'), oldest first within each.
CREATE TABLE nodtilgang (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    enhet TEXT NOT NULL,
    ansatt TEXT NOT NULL CHECK (ansatt <> ''),
    tilstand BIGINT NOT NULL,
    begrunnelse TEXT NOT NULL CHECK (begrunnelse <> ''),
    klasser BIGINT NOT NULL,
    startet BIGINT NOT NULL,
    utloper BIGINT NOT NULL CHECK (utloper <= startet + 3600000000),
    avsluttet BIGINT NOT NULL,
    frist BIGINT NOT NULL,
    gjennomgatt_enhet TEXT NOT NULL,
    gjennomgatt_ansatt TEXT NOT NULL CHECK (gjennomgatt_ansatt <> ansatt),
    gjennomgatt_rolle BIGINT NOT NULL,
    vurdering TEXT NOT NULL,
    versjon BIGINT NOT NULL,
    ko TEXT NOT NULL
);
CREATE UNIQUE INDEX nodtilgang_ko ON nodtilgang (enhet, ko);
CREATE INDEX nodtilgang_ansatt ON nodtilgang (ansatt, startet);
