-- What raised an avvik by itself (src/kilder.rs): one cause has one that is open.
CREATE TABLE avvikskilde (
    arsak TEXT NOT NULL,
    avvik TEXT NOT NULL REFERENCES avvik (id),
    PRIMARY KEY (arsak, avvik)
);
