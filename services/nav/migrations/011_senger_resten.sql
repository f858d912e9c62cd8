-- Beds of stays that go on and were passed over by 009, for the name of their
-- provider has a character that its pattern takes for another. Here the name of
-- the last place is read alone: what comes after the last `{"plass":"`, for which
-- stands a line break, which no text of JSON has.
INSERT INTO seng (opphold, plass, nr)
SELECT m.opphold, p.id,
    (SELECT COALESCE(MAX(s.nr), 0) FROM seng s WHERE s.plass = p.id)
    + ROW_NUMBER() OVER (PARTITION BY p.id ORDER BY m.opphold)
FROM (
    SELECT d.id AS opphold, SUBSTR(d.delt, LENGTH(RTRIM(d.delt, REPLACE(d.delt, '
', ''))) + 1) AS sist
    FROM (
        SELECT o.id, REPLACE(o.innhold, '{"plass":"', '
') AS delt
        FROM opphold o
        WHERE o.tilstand = 'APEN' AND NOT EXISTS (SELECT 1 FROM seng s WHERE s.opphold = o.id)
    ) d
) m JOIN plass p ON m.sist LIKE 'enheter/' || p.enhet || '/plasser/' || p.id || '","leverandor":%';
