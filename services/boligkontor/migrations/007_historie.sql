-- When a dwelling was let.
CREATE INDEX leieforhold_bolig ON leieforhold (nokkel, fra);
-- When it stood empty.
CREATE INDEX tomgang_bolig ON tomgang (bolig, fra);
-- What is open of a dwelling.
CREATE INDEX arbeidsordre_apen ON arbeidsordre (bolig, nokkel) WHERE tilstand = 'APEN';
