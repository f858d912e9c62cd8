-- Nights on which the person was barred from the bed of a stay (src/natt.rs),
-- once the person is elsewhere, the bar has ended or the stay has; those of who
-- is barred still are counted from the stay and the bar.
CREATE TABLE natt_stengt (
    opphold TEXT NOT NULL,
    natt TEXT NOT NULL,
    enhet TEXT NOT NULL CHECK (enhet <> ''),
    person TEXT NOT NULL,
    PRIMARY KEY (opphold, natt)
);
CREATE INDEX natt_stengt_natt ON natt_stengt (enhet, natt);
