-- What was reported and said by those who must not be recognised, until its day
-- has passed (src/anonym.rs): its place among the other rows, its event numbers
-- and its hour would tell who was at work. nr 0: the report; else what was said.
CREATE TABLE avvikholdt (
    id TEXT PRIMARY KEY,
    kodesum TEXT NOT NULL,
    nr BIGINT NOT NULL,
    dag BIGINT NOT NULL,
    innhold TEXT NOT NULL,
    UNIQUE (kodesum, nr)
);

-- Digests of codes (src/kode.rs).
CREATE TABLE avvikskode (
    kodesum TEXT PRIMARY KEY,
    avvik TEXT NOT NULL UNIQUE REFERENCES avvik (id)
);

CREATE INDEX avviksmelding_avvik ON avviksmelding (avvik, mottaker, id);

-- The deadline that lets go what is held. It stands always, so that no call has
-- to set it, and is due at once.
INSERT INTO chassis_frist (post, type, person, eier, mottakere, forfall, neste, traceparent)
VALUES ('avvik/holdt', 'slipp', '', '', '', 0, 0, '');
