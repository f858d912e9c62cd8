-- The open reservation of a dwelling.
CREATE INDEX reservasjon_bolig ON reservasjon (nokkel) WHERE tilstand = 'APEN';
