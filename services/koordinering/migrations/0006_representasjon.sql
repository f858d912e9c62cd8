-- Who may act for a person. til is empty where it holds until it is ended.
CREATE TABLE representasjon (
    id TEXT PRIMARY KEY,
    versjon BIGINT NOT NULL,
    person TEXT NOT NULL REFERENCES person (id),
    representant TEXT NOT NULL REFERENCES person (id),
    grunnlag BIGINT NOT NULL,
    lov TEXT NOT NULL,
    paragraf TEXT NOT NULL,
    fra BIGINT NOT NULL,
    til BIGINT CHECK (til > fra),
    registrert BIGINT NOT NULL,
    registrert_av TEXT NOT NULL,
    ma_bekreftes BIGINT NOT NULL,
    bekreftet BIGINT,
    bekreftet_av TEXT,
    avsluttet BIGINT,
    avsluttet_av TEXT,
    CHECK (person <> representant),
    CHECK ((bekreftet IS NULL) = (bekreftet_av IS NULL)),
    CHECK ((avsluttet IS NULL) = (avsluttet_av IS NULL))
);
CREATE INDEX representasjon_person ON representasjon (person, id);
