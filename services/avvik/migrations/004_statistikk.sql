-- What happened to avvik, as far as it counts (src/statistikk): one row for each
-- thing, at the instant at which it counts. Figures begin with this migration.
CREATE TABLE avvikstall (
    tid BIGINT NOT NULL,
    avvik TEXT NOT NULL REFERENCES avvik (id),
    versjon BIGINT NOT NULL,
    nr BIGINT NOT NULL,
    innhold TEXT NOT NULL,
    PRIMARY KEY (tid, avvik, versjon, nr)
);

-- What was published of a month, rounded. It never changes.
CREATE TABLE publisert_avvikstall (
    maned TEXT PRIMARY KEY,
    innhold TEXT NOT NULL
);
