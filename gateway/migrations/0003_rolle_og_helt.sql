-- The role in which a session of break-glass was started: it opens in no other.
ALTER TABLE nodtilgang ADD COLUMN rolle BIGINT NOT NULL DEFAULT 0;

-- 1 once the feed of the service has been read to its end.
ALTER TABLE gw_posisjon ADD COLUMN helt BIGINT NOT NULL DEFAULT 0;
