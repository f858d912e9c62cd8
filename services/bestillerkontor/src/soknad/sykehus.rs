//! What a hospital knows and recommends: whole, or with each hole named (NIBR
//! 2012: information is held back, and the recommendation taken for a vedtak).

use samspor_chassis::{
    domene::{Dag, felles::mange_tall, felt},
    error::FieldFaults,
};
use samspor_proto::bestillerkontor::{self as proto, Sykehusopplysning};
use serde::{Deserialize, Serialize};

/// What a hospital told. A part is empty where `ukjent` has it, and nowhere
/// else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sykehusmelding {
    institusjon: String,
    innlagt: Option<Dag>,
    utskrives: Option<Dag>,
    funksjon: String,
    nattbehov: String,
    helse: String,
    rusmidler: String,
    legemidler: String,
    risiko: String,
    boligsituasjon: String,
    nettverk: String,
    oppfolging: String,
    anbefaling: String,
    grunnlag: String,
    #[serde(with = "mange_tall")]
    ukjent: Vec<Sykehusopplysning>,
}

/// Reads a packet: each part is filled or marked as unknown, never both.
pub(crate) fn les(value: &proto::Sykehusmelding, faults: &mut FieldFaults) -> Sykehusmelding {
    use Sykehusopplysning as Del;
    let ukjent: Vec<Del> = felt::flere_valg(
        &value.ukjent,
        "sykehusmelding.ukjent",
        "samspor.bestillerkontor.v1.Sykehusopplysning",
        faults,
    );
    let field = |name: &str| format!("sykehusmelding.{name}");
    let mut given = |text: &str, name: &str, part: Del| {
        match (text.trim().is_empty(), ukjent.contains(&part)) {
            (true, false) => faults.missing(field(name)),
            (false, true) => faults.contradicts(
                field(name),
                field("ukjent"),
                "et felt er enten fylt ut eller ukjent",
            ),
            (true, true) | (false, false) => {}
        }
        felt::tekst(text, &field(name), felt::LANG, faults)
    };
    let innlagt = given(&value.innlagt, "innlagt", Del::Innlagt);
    let utskrives = given(&value.utskrives, "utskrives", Del::Utskrives);
    let funksjon = given(&value.funksjon, "funksjon", Del::Funksjon);
    let nattbehov = given(&value.nattbehov, "nattbehov", Del::Nattbehov);
    let helse = given(&value.helse, "helse", Del::Helse);
    let rusmidler = given(&value.rusmidler, "rusmidler", Del::Rusmidler);
    let legemidler = given(&value.legemidler, "legemidler", Del::Legemidler);
    let risiko = given(&value.risiko, "risiko", Del::Risiko);
    let bolig = given(&value.boligsituasjon, "boligsituasjon", Del::Boligsituasjon);
    let nettverk = given(&value.nettverk, "nettverk", Del::Nettverk);
    let oppfolging = given(&value.oppfolging, "oppfolging", Del::Oppfolging);
    let grunnlag = given(&value.grunnlag, "grunnlag", Del::Grunnlag);
    let mut required = |text: &str, name| felt::pakrevd(text, &field(name), felt::LANG, faults);
    let institusjon = required(&value.institusjon, "institusjon");
    let anbefaling = required(&value.anbefaling, "anbefaling");
    let innlagt = felt::dag(&innlagt, "sykehusmelding.innlagt", faults);
    let utskrives = felt::dag(&utskrives, "sykehusmelding.utskrives", faults);
    if innlagt.zip(utskrives).is_some_and(|(from, to)| to < from) {
        faults.contradicts(
            field("utskrives"),
            field("innlagt"),
            "utskrivning kan ikke være før innleggelse",
        );
    }
    Sykehusmelding {
        institusjon,
        innlagt,
        utskrives,
        funksjon,
        nattbehov,
        helse,
        rusmidler,
        legemidler,
        risiko,
        boligsituasjon: bolig,
        nettverk,
        oppfolging,
        anbefaling,
        grunnlag,
        ukjent,
    }
}

impl From<Sykehusmelding> for proto::Sykehusmelding {
    fn from(value: Sykehusmelding) -> Self {
        let Sykehusmelding {
            institusjon,
            innlagt,
            utskrives,
            funksjon,
            nattbehov,
            helse,
            rusmidler,
            legemidler,
            risiko,
            boligsituasjon,
            nettverk,
            oppfolging,
            anbefaling,
            grunnlag,
            ukjent,
        } = value;
        let day = |day: Option<Dag>| day.map(|day| day.to_string()).unwrap_or_default();
        Self {
            institusjon,
            innlagt: day(innlagt),
            utskrives: day(utskrives),
            funksjon,
            nattbehov,
            helse,
            rusmidler,
            legemidler,
            risiko,
            boligsituasjon,
            nettverk,
            oppfolging,
            anbefaling,
            grunnlag,
            ukjent: ukjent.into_iter().map(Into::into).collect(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use samspor_proto::felles::Feilgrunn;

    use super::*;

    /// A packet with two parts unknown.
    pub(crate) fn pakke() -> proto::Sykehusmelding {
        let text = || "Opplyst".to_owned();
        proto::Sykehusmelding {
            institusjon: "Sykehuset, post 2".into(),
            innlagt: "2027-01-02".into(),
            utskrives: "2027-01-20".into(),
            funksjon: text(),
            nattbehov: String::new(),
            helse: text(),
            rusmidler: text(),
            legemidler: text(),
            risiko: text(),
            boligsituasjon: String::new(),
            nettverk: text(),
            oppfolging: text(),
            anbefaling: "Døgnbemannet bolig".into(),
            grunnlag: text(),
            ukjent: vec![
                Sykehusopplysning::Nattbehov.into(),
                Sykehusopplysning::Boligsituasjon.into(),
            ],
        }
    }

    fn faults(packet: &proto::Sykehusmelding) -> Vec<(String, Feilgrunn)> {
        let mut faults = FieldFaults::new();
        les(packet, &mut faults);
        let refusal = faults.finish().err();
        let found = refusal.map(|refusal| refusal.felt).unwrap_or_default();
        found.into_iter().map(|f| (f.felt, f.grunn)).collect()
    }

    /// B2. Seen red: with an empty part passing as unknown.
    #[test]
    fn an_incomplete_packet_is_refused_with_each_part_that_is_missing() {
        let mut packet = pakke();
        assert_eq!(faults(&packet), []);
        packet.ukjent.clear();
        packet.legemidler = "  ".into();
        let missing = |name: &str| (format!("sykehusmelding.{name}"), Feilgrunn::FeltMangler);
        assert_eq!(
            faults(&packet),
            ["nattbehov", "legemidler", "boligsituasjon"].map(missing)
        );
        let nothing = faults(&proto::Sykehusmelding::default());
        assert_eq!(nothing.len(), 14, "{nothing:?}");
        assert!(nothing.iter().all(|(_, r)| *r == Feilgrunn::FeltMangler));
    }

    /// Every part that can be unknown is read by its own name. Seen red: with
    /// `Del::Helse` for two parts.
    #[test]
    fn each_part_can_be_unknown_and_only_that() {
        let every = 1..=12;
        let mut packet = proto::Sykehusmelding {
            institusjon: "Sykehuset".into(),
            anbefaling: "Bolig".into(),
            ukjent: every.clone().collect(),
            ..Default::default()
        };
        assert_eq!(faults(&packet), []);
        for number in every {
            packet.ukjent.retain(|other| *other != number);
            let part = Sykehusopplysning::try_from(number).unwrap();
            let name = part.as_str_name().replace("SYKEHUSOPPLYSNING_", "");
            let field = format!("sykehusmelding.{}", name.to_lowercase());
            assert_eq!(faults(&packet), [(field, Feilgrunn::FeltMangler)]);
            packet.ukjent.push(number);
        }
    }

    #[test]
    fn what_is_given_is_not_unknown_and_days_are_days_in_order() {
        let mut packet = pakke();
        packet.nattbehov = "Sovende nattevakt er prøvd".into();
        packet.utskrives = "2027-01-01".into();
        let expected = ["nattbehov", "utskrives"];
        let found = faults(&packet);
        assert_eq!(
            found,
            expected.map(|name| (format!("sykehusmelding.{name}"), Feilgrunn::FeltMotstrid))
        );
        packet = pakke();
        packet.innlagt = "i går".into();
        packet.ukjent.push(99);
        let found: Vec<_> = faults(&packet).into_iter().map(|(_, r)| r).collect();
        assert_eq!(found, [Feilgrunn::FeltUkjentVerdi, Feilgrunn::FeltForm]);
        packet = pakke();
        let read = les(&packet, &mut FieldFaults::new());
        assert_eq!(proto::Sykehusmelding::from(read), packet);
    }
}
