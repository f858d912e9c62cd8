//! Whether a dwelling suits: the dwelling itself, its area, its services, and
//! what the person manages. Pure; each reason is one thing that can be changed
//! or accepted.

use samspor_proto::boligkontor::{Bemanning, Bomiljo};

use super::Behov;
use crate::bolig::Egenskaper;

/// How much staff there is.
const fn grad(bemanning: Bemanning) -> u8 {
    match bemanning {
        Bemanning::Unspecified | Bemanning::Ingen => 0,
        Bemanning::Ambulerende => 1,
        Bemanning::Dag => 2,
        Bemanning::Dogn => 3,
    }
}

/// Why it does not suit, in words; empty where it does.
pub(crate) fn uegnet_fordi(behov: &Behov, bolig: &Egenskaper) -> Vec<String> {
    let Behov {
        omrader,
        bemanning,
        rullestol,
        trappefri,
        rusfritt_miljo,
        soverom,
        meter_tjenester,
        kvinne,
        bare_kvinner,
        // For who reads it: words are not compared.
        funksjon: _,
    } = behov;
    let mut reasons = Vec::new();
    let mut unless = |suits: bool, reason: String| {
        if !suits {
            reasons.push(reason);
        }
    };
    let area = omrader.is_empty()
        || omrader
            .iter()
            .any(|area| area.to_lowercase() == bolig.omrade.to_lowercase());
    unless(
        area,
        format!(
            "ligger i {}, ønsket {}",
            bolig.omrade,
            omrader.join(" eller ")
        ),
    );
    unless(
        grad(bolig.bemanning) >= grad(*bemanning),
        "har mindre bemanning enn personen trenger".to_owned(),
    );
    unless(
        !rullestol || bolig.rullestol,
        "er ikke egnet for rullestol".to_owned(),
    );
    unless(
        !trappefri || bolig.heis || bolig.etasje <= 1,
        format!("ligger i {}. etasje uten heis", bolig.etasje),
    );
    unless(
        !rusfritt_miljo || bolig.bomiljo != Bomiljo::AktivRus,
        "har naboer med aktiv rus, og personen lever rusfritt".to_owned(),
    );
    unless(
        bolig.soverom >= *soverom,
        format!("har {} soverom, trenger {soverom}", bolig.soverom),
    );
    unless(
        *meter_tjenester == 0 || bolig.meter_tjenester <= *meter_tjenester,
        format!(
            "har {} meter til tjenestene, høyst {meter_tjenester}",
            bolig.meter_tjenester
        ),
    );
    unless(
        !bolig.kun_kvinner || *kvinne,
        "er bare for kvinner".to_owned(),
    );
    unless(
        !bare_kvinner || bolig.kun_kvinner,
        "er ikke bare for kvinner".to_owned(),
    );
    reasons
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use samspor_chassis::error::FieldFaults;
    use samspor_proto::boligkontor::Tildelingstype;

    use super::*;
    use crate::prove::leilighet;

    /// A need, what the dwelling is like, and whether and why it does not suit.
    ///
    /// Seen red: with nine floors that need no lift.
    #[test]
    fn each_need_is_held_against_the_dwelling() {
        type Change = (fn(&mut Behov), fn(&mut Egenskaper), &'static str);
        let cases: [Change; 14] = [
            (|_| (), |_| (), ""),
            (|n| n.omrader = vec!["kopervik".into()], |_| (), ""),
            (
                |n| n.omrader = vec!["Åkra".into()],
                |_| (),
                "ligger i Kopervik, ønsket Åkra",
            ),
            (
                |n| n.bemanning = Bemanning::Dag,
                |d| d.bemanning = Bemanning::Dogn,
                "",
            ),
            (
                |n| n.bemanning = Bemanning::Dag,
                |_| (),
                "har mindre bemanning",
            ),
            (
                |n| n.rullestol = true,
                |_| (),
                "er ikke egnet for rullestol",
            ),
            (
                |n| n.trappefri = true,
                |_| (),
                "ligger i 2. etasje uten heis",
            ),
            (|n| n.trappefri = true, |d| d.heis = true, ""),
            (
                |n| n.rusfritt_miljo = true,
                |d| d.bomiljo = Bomiljo::AktivRus,
                "har naboer med aktiv rus",
            ),
            (|_| (), |d| d.bomiljo = Bomiljo::AktivRus, ""),
            (|n| n.soverom = 2, |_| (), "har 1 soverom, trenger 2"),
            (
                |n| n.meter_tjenester = 500,
                |_| (),
                "har 900 meter til tjenestene, høyst 500",
            ),
            (|_| (), |d| d.kun_kvinner = true, "er bare for kvinner"),
            (
                |n| (n.kvinne, n.bare_kvinner) = (true, true),
                |_| (),
                "er ikke bare for kvinner",
            ),
        ];
        for (need, like, told) in cases {
            let mut faults = FieldFaults::new();
            let given = leilighet(Tildelingstype::Hardfor);
            let mut dwelling = Egenskaper::les(given, "", &mut faults);
            assert!(faults.is_empty());
            let mut needs = Behov::default();
            need(&mut needs);
            like(&mut dwelling);
            let reasons = uegnet_fordi(&needs, &dwelling);
            let expected = usize::from(!told.is_empty());
            assert_eq!(reasons.len(), expected, "{reasons:?} {told}");
            assert!(reasons.iter().all(|one| one.contains(told)), "{reasons:?}");
        }
    }
}
