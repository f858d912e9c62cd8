-- One counter per feed: 'hendelse', 'faktum', and 'til/<enhet>' for each
-- recipient. Taken in the transaction, last, so that numbers are dense and in
-- the order of commits.
CREATE TABLE chassis_sekvens (
    navn TEXT PRIMARY KEY,
    nr BIGINT NOT NULL
);

-- What a mutation has used up: 'j/<attestation id>' and 'r/<digest of caller,
-- method and request_id>'. A request row also keeps the answer; svar is NULL
-- only inside the transaction that makes it.
CREATE TABLE chassis_brukt (
    nokkel TEXT PRIMARY KEY,
    innholdssum TEXT NOT NULL,
    svar TEXT,
    fakta_nr BIGINT NOT NULL,
    utloper BIGINT NOT NULL
);
CREATE INDEX chassis_brukt_utloper ON chassis_brukt (utloper);

CREATE TABLE chassis_hendelse (
    nr BIGINT PRIMARY KEY,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    person TEXT NOT NULL,
    post TEXT NOT NULL,
    eier TEXT NOT NULL,
    tid BIGINT NOT NULL,
    traceparent TEXT NOT NULL
);
CREATE INDEX chassis_hendelse_person ON chassis_hendelse (person, nr);

CREATE TABLE chassis_hendelse_mottaker (
    mottaker TEXT NOT NULL,
    hendelse BIGINT NOT NULL REFERENCES chassis_hendelse (nr),
    PRIMARY KEY (mottaker, hendelse)
);

CREATE TABLE chassis_faktum (
    nr BIGINT PRIMARY KEY,
    faktum TEXT NOT NULL,
    traceparent TEXT NOT NULL
);

-- How far a consumer of another service's events has come.
CREATE TABLE chassis_posisjon (
    kilde TEXT NOT NULL,
    enhet TEXT NOT NULL,
    nr BIGINT NOT NULL,
    PRIMARY KEY (kilde, enhet)
);

-- neste is when the row asks for something: the warning, then the due time,
-- then never. The ticker claims by changing it.
CREATE TABLE chassis_frist (
    post TEXT NOT NULL,
    type TEXT NOT NULL,
    person TEXT NOT NULL,
    eier TEXT NOT NULL,
    mottakere TEXT NOT NULL,
    forfall BIGINT NOT NULL,
    neste BIGINT,
    varslet BIGINT,
    brutt BIGINT,
    traceparent TEXT NOT NULL,
    PRIMARY KEY (post, type)
);
CREATE INDEX chassis_frist_neste ON chassis_frist (neste) WHERE neste IS NOT NULL;
