//! What is asked of the content of a vedtak before it is sent, decided or amended.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use samspor_chassis::{
    domene::{Dag, navn},
    error::{FieldFaults, Refusal},
};
use samspor_proto::bestillerkontor::{Boligrett, PersonensSyn, Tjenestetype};

use super::{Innhold, Linje};
use crate::vedtak::avslag;

/// Work can be sent to the unit: it takes orders in this municipality.
pub(crate) fn krev_ko(
    enhet: &str,
    field: impl Into<String>,
    utforere: &[String],
    faults: &mut FieldFaults,
) {
    if !enhet.is_empty() && !utforere.iter().any(|unit| unit == enhet) {
        let known: Vec<String> = utforere.iter().map(|unit| navn::enhet(unit)).collect();
        faults.unknown(field.into(), known.join(", "));
    }
}

/// Every unit of the lines takes orders, and that of the housing line allocates
/// dwellings of the type.
pub(crate) fn krev_koer(
    innhold: &Innhold,
    utforere: &[String],
    boligtildelere: &BTreeMap<String, Vec<String>>,
    faults: &mut FieldFaults,
) {
    if let Some(line) = &innhold.bolig {
        let allocate = boligtype(line.rett).and_then(|type_| boligtildelere.get(type_));
        let allocate = allocate.map_or(&[][..], Vec::as_slice);
        krev_ko(&line.enhet, "vedtak.bolig.enhet", allocate, faults);
    }
    for (place, line) in innhold.linjer.iter().enumerate() {
        for (at, unit) in line.enheter.iter().enumerate() {
            let field = format!("vedtak.linjer[{place}].enheter[{at}]");
            krev_ko(unit, field, utforere, faults);
        }
    }
}

/// The type of dwelling that a right is met with, as the municipality's file
/// names who allocates it: a training flat is let as other flats are.
fn boligtype(rett: Boligrett) -> Option<&'static str> {
    match rett {
        Boligrett::Unspecified => None,
        Boligrett::Omsorgsbolig | Boligrett::Bofellesskap => Some("omsorgsbolig"),
        Boligrett::Treningsleilighet => Some("kommunal_utleie"),
    }
}

/// Whether a dwelling of a type meets a right. A bofellesskap is a care dwelling
/// in one municipality and let as other dwellings in another.
pub(crate) fn motes_av(rett: Boligrett, type_: &str) -> bool {
    boligtype(rett) == Some(type_)
        || (rett == Boligrett::Bofellesskap && type_ == "kommunal_utleie")
}

/// Units that the person refuses, and where that was said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Nektet {
    /// In the application.
    pub(crate) kontakt: BTreeSet<String>,
    /// With koordinering, as an objection to sharing.
    pub(crate) deling: BTreeSet<String>,
}

/// No unit is named that the person has refused. Asked at each decision, so
/// that nobody finds it out afterwards.
///
/// # Errors
/// `UGYLDIG_FORESPORSEL` with every place that names one.
pub(crate) fn krev_ikke_nektet(innhold: &Innhold, nektet: &Nektet) -> Result<(), Refusal> {
    let mut faults = FieldFaults::new();
    let lines = innhold.linjer.iter().enumerate();
    let of_lines = lines.flat_map(|(place, line)| {
        let units = line.enheter.iter().enumerate();
        units.map(move |(at, unit)| (format!("vedtak.linjer[{place}].enheter[{at}]"), unit))
    });
    let parties = innhold.parter.iter().enumerate();
    let of_parties = parties.map(|(at, unit)| (format!("vedtak.parter[{at}]"), unit));
    let housing = innhold.bolig.iter();
    let of_housing = housing.map(|line| ("vedtak.bolig.enhet".to_owned(), &line.enhet));
    let responsible = ("vedtak.hovedansvarlig".to_owned(), &innhold.hovedansvarlig);
    let named = of_lines.chain(of_parties).chain(of_housing);
    for (field, unit) in named.chain([responsible]) {
        ikke_nektet(unit, field, nektet, &mut faults);
    }
    faults.finish()
}

/// The same for one unit.
pub(crate) fn ikke_nektet(
    enhet: &str,
    field: impl Into<Cow<'static, str>>,
    nektet: &Nektet,
    faults: &mut FieldFaults,
) {
    if nektet.kontakt.contains(enhet) {
        faults.contradicts(
            field,
            "kontaktsamtykker",
            "personen har sagt nei til enheten; velg en annen, eller registrer at personen har \
             ombestemt seg (SettKontaktsamtykke)",
        );
    } else if nektet.deling.contains(enhet) {
        faults.contradicts(
            field,
            "reservasjon_mot_deling",
            "personen har reservert seg mot deling med enheten; velg en annen, eller la personen \
             oppheve reservasjonen (OpphevReservasjon)",
        );
    }
}

/// No unit is ordered the same service for the same days by two vedtak.
/// `i_kraft`: names and contents of the person's others.
///
/// # Errors
/// `UGYLDIG_FORESPORSEL` with every line that another vedtak has.
pub(crate) fn krev_ikke_dobbelt<'a>(
    innhold: &Innhold,
    i_kraft: impl IntoIterator<Item = (String, &'a Innhold)>,
) -> Result<(), Refusal> {
    let mut faults = FieldFaults::new();
    for (name, other) in i_kraft {
        let lines = innhold.linjer.iter().enumerate();
        for (place, line) in lines {
            let same = |had: &&Linje| had.type_ == line.type_ && had.overlapper(line);
            for had in other.linjer.iter().filter(same) {
                let units = line.enheter.iter().enumerate();
                for (at, _) in units.filter(|(_, unit)| had.enheter.contains(unit)) {
                    faults.contradicts(
                        format!("vedtak.linjer[{place}].enheter[{at}]"),
                        "vedtak.linjer",
                        format_args!(
                            "enheten leverer tjenesten i samme tid ved {name}; endre det \
                             (EndreVedtak), eller la linjen begynne når det slutter"
                        ),
                    );
                }
            }
        }
    }
    faults.finish()
}

/// The unit that decides has authority for each line, by the municipality's
/// file: `vedtaksmyndighet:<type>`, and `vedtaksmyndighet:bolig` for a housing
/// line.
///
/// # Errors
/// `UGYLDIG_FORESPORSEL` that names each line and the function that it takes.
pub(crate) fn krev_myndighet(innhold: &Innhold, funksjoner: &[String]) -> Result<(), Refusal> {
    let mut faults = FieldFaults::new();
    let mut krev = |field: String, type_: &str| {
        let function = format!("vedtaksmyndighet:{type_}");
        if !funksjoner.contains(&function) {
            faults.contradicts(
                field,
                function,
                "enheten har ikke denne funksjonen; den som har den, vedtar linjen",
            );
        }
    };
    for (place, line) in innhold.linjer.iter().enumerate() {
        krev(
            format!("vedtak.linjer[{place}].type"),
            &funksjonsnavn(line.type_),
        );
    }
    if innhold.bolig.is_some() {
        krev("vedtak.bolig.rett".to_owned(), "bolig");
    }
    // Whoever may grant it is who may refuse it.
    for (place, refused) in innhold.avslag.iter().enumerate() {
        if refused.om_bolig() {
            krev(format!("vedtak.avslag[{place}].bolig"), "bolig");
        } else {
            krev(
                format!("vedtak.avslag[{place}].type"),
                &funksjonsnavn(refused.type_),
            );
        }
    }
    faults.finish()
}

/// The type as the municipality's file writes it.
pub(crate) fn funksjonsnavn(type_: Tjenestetype) -> String {
    let name = type_.as_str_name();
    let name = name.strip_prefix("TJENESTETYPE_").unwrap_or(name);
    name.to_lowercase()
}

/// An amendment changes what is to come. A line keeps its first day unless that
/// has not come; what is new begins today or later; and nothing ends before
/// today.
///
/// # Errors
/// `UGYLDIG_FORESPORSEL` with every date that would change what was.
pub(crate) fn krev_fremover(before: &Innhold, after: &Innhold, today: Dag) -> Result<(), Refusal> {
    let mut faults = FieldFaults::new();
    for (place, line) in after.linjer.iter().enumerate() {
        let at = |field: &str| format!("vedtak.linjer[{place}].{field}");
        let old = before.linjer.iter().find(|old| old.nr == line.nr);
        if old.is_none_or(|old| old.fra != line.fra)
            && (line.fra < today || old.is_some_and(|old| old.fra < today))
        {
            faults.form(
                at("fra"),
                format_args!("uendret, eller {today} eller senere"),
            );
        }
        let ended = old.is_some_and(|old| old == line);
        if !ended && line.til.is_some_and(|til| til < today) {
            faults.form(at("til"), format_args!("{today} eller senere"));
        }
    }
    let [old, new] = [before, after].map(|innhold| innhold.bolig.as_ref()?.fra);
    if old != new && [old, new].iter().flatten().any(|day| *day < today) && after.bolig.is_some() {
        faults.form(
            "vedtak.bolig.fra",
            format_args!("uendret, eller {today} eller senere"),
        );
    }
    faults.finish()
}

/// Nothing is granted for days before the application was received.
///
/// # Errors
/// `UGYLDIG_FORESPORSEL` with every day before that.
pub(crate) fn krev_ikke_for(innhold: &Innhold, mottatt: Dag) -> Result<(), Refusal> {
    let mut faults = FieldFaults::new();
    let lines = innhold.linjer.iter().enumerate();
    let lines = lines.map(|(place, line)| (format!("vedtak.linjer[{place}].fra"), line.fra));
    let bolig = innhold.bolig.as_ref().and_then(|bolig| bolig.fra);
    let bolig = bolig.map(|fra| ("vedtak.bolig.fra".to_owned(), fra));
    for (field, _) in lines.chain(bolig).filter(|(_, fra)| *fra < mottatt) {
        faults.form(
            field,
            format_args!("{mottatt} (da søknaden kom) eller senere"),
        );
    }
    faults.finish()
}

/// The draft has all that a decision needs. `i_kraft`: the unit that has the
/// main responsibility for the person by another vedtak, which this one may
/// name though it delivers nothing here.
///
/// # Errors
/// `UGYLDIG_FORESPORSEL` with every part that is missing.
pub(crate) fn fullstendig(innhold: &Innhold, i_kraft: Option<&str>) -> Result<(), Refusal> {
    let mut faults = FieldFaults::new();
    if !innhold.innvilger() && innhold.avslag.is_empty() {
        faults.missing("vedtak.linjer");
    }
    avslag::fullstendig(&innhold.avslag, &mut faults);
    for (place, line) in innhold.linjer.iter().enumerate() {
        if line.hjemmel.is_none() {
            faults.missing(format!("vedtak.linjer[{place}].hjemmel"));
        }
    }
    if innhold.hjemmel.is_none() {
        faults.missing("vedtak.hjemmel");
    }
    if innhold.begrunnelse.is_empty() {
        faults.missing("vedtak.begrunnelse");
    }
    if innhold.personens_syn == PersonensSyn::Unspecified {
        faults.missing("vedtak.personens_syn");
    }
    let delivers = innhold
        .linjer
        .iter()
        .flat_map(|line| &line.enheter)
        .chain(innhold.bolig.iter().map(|line| &line.enhet))
        .any(|unit| *unit == innhold.hovedansvarlig);
    if !innhold.innvilger() && !innhold.avslag.is_empty() {
        if !innhold.hovedansvarlig.is_empty() {
            faults.contradicts(
                "vedtak.hovedansvarlig",
                "vedtak.linjer",
                "et vedtak som bare avslår, gir ingen hovedansvaret",
            );
        }
    } else if innhold.hovedansvarlig.is_empty() {
        faults.missing("vedtak.hovedansvarlig");
    } else if !delivers && i_kraft != Some(innhold.hovedansvarlig.as_str()) {
        faults.contradicts(
            "vedtak.hovedansvarlig",
            "vedtak.linjer",
            "må være en av enhetene i linjene, eller den som alt har hovedansvaret for personen",
        );
    }
    faults.finish()
}

/// Nothing is granted for a time that is over.
///
/// # Errors
/// `UGYLDIG_FORESPORSEL` with every line that is.
pub(crate) fn krev_ikke_over(innhold: &Innhold, today: Dag) -> Result<(), Refusal> {
    let mut faults = FieldFaults::new();
    for (place, line) in innhold.linjer.iter().enumerate() {
        if line.til.is_some_and(|til| til < today) {
            faults.form(
                format!("vedtak.linjer[{place}].til"),
                format_args!("{today} eller senere"),
            );
        }
    }
    faults.finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use samspor_proto::felles::Feilgrunn;

    use super::*;
    use crate::proveark;

    fn fields(refused: Result<(), Refusal>) -> String {
        let felt = refused
            .err()
            .map(|refusal| refusal.felt)
            .unwrap_or_default();
        let names: Vec<String> = felt.into_iter().map(|fault| fault.felt).collect();
        names.join(" ")
    }

    /// Karmøy lets its bofellesskap as other dwellings.
    ///
    /// Seen red: with the one type of `boligtype`.
    #[test]
    fn a_right_is_met_by_the_types_it_is_to() {
        use Boligrett::{Bofellesskap, Omsorgsbolig, Treningsleilighet};
        let table = [
            (Omsorgsbolig, "omsorgsbolig", true),
            (Omsorgsbolig, "kommunal_utleie", false),
            (Bofellesskap, "omsorgsbolig", true),
            (Bofellesskap, "kommunal_utleie", true),
            (Bofellesskap, "hardfor", false),
            (Treningsleilighet, "kommunal_utleie", true),
            (Treningsleilighet, "omsorgsbolig", false),
        ];
        for (rett, type_, met) in table {
            assert_eq!(motes_av(rett, type_), met, "{rett:?} {type_}");
        }
    }

    /// Seen red: with `fra` compared to today alone.
    #[test]
    fn an_amendment_changes_what_is_to_come() {
        type Change = fn(&mut Innhold);
        let day = |text: &str| text.parse::<Dag>().unwrap();
        let today = day("2027-03-01");
        let mut before = proveark::lest(&proveark::vedtak("s"));
        before.linjer[0].til = Some(day("2027-02-20"));
        let table: [(Change, &str); 11] = [
            (|_| (), ""),
            (|v| v.linjer[1].maks_timer = 9.0, ""),
            (|v| v.linjer[1].til = "2027-03-01".parse().ok(), ""),
            (|v| drop(v.linjer.remove(0)), ""),
            (
                |v| v.linjer[1].til = "2027-02-28".parse().ok(),
                "vedtak.linjer[1].til",
            ),
            (
                |v| v.linjer[1].fra = "2027-02-02".parse().unwrap(),
                "vedtak.linjer[1].fra",
            ),
            // What has begun does not begin later.
            (
                |v| v.linjer[1].fra = "2027-04-01".parse().unwrap(),
                "vedtak.linjer[1].fra",
            ),
            (
                |v| v.linjer[0].til = "2027-02-27".parse().ok(),
                "vedtak.linjer[0].til",
            ),
            (|v| v.linjer[1].nr = "9".into(), "vedtak.linjer[1].fra"),
            (
                |v| v.bolig.as_mut().unwrap().fra = "2027-02-28".parse().ok(),
                "vedtak.bolig.fra",
            ),
            (|v| v.bolig = None, ""),
        ];
        for (place, (change, expected)) in table.into_iter().enumerate() {
            let mut after = before.clone();
            change(&mut after);
            let found = fields(krev_fremover(&before, &after, today));
            assert_eq!(found, expected, "row {place}");
        }
    }

    /// Seen red: without the rule.
    #[test]
    fn nothing_is_granted_for_days_before_the_application() {
        let mut innhold = proveark::lest(&proveark::vedtak("s"));
        let day = |text: &str| text.parse::<Dag>().unwrap();
        assert_eq!(fields(krev_ikke_for(&innhold, day("2027-02-01"))), "");
        let refusal = krev_ikke_for(&innhold, day("2027-02-02")).unwrap_err();
        let found: Vec<_> = refusal
            .felt
            .iter()
            .map(|fault| fault.felt.as_str())
            .collect();
        let lines = ["vedtak.linjer[0].fra", "vedtak.linjer[1].fra"];
        assert_eq!(found, [&lines[..], &["vedtak.bolig.fra"]].concat());
        innhold.bolig = None;
        assert_eq!(
            krev_ikke_for(&innhold, day("2027-02-02"))
                .unwrap_err()
                .felt
                .len(),
            2
        );
    }

    /// Seen red: with `any` function that begins with `vedtaksmyndighet`.
    #[test]
    fn a_line_is_decided_by_who_has_authority_for_its_type() {
        let innhold = proveark::lest(&proveark::vedtak("s"));
        let held = |types: &[&str]| -> Vec<String> {
            let name = |type_: &&str| format!("vedtaksmyndighet:{type_}");
            types.iter().map(name).collect()
        };
        let all = held(&["rop_oppfolging", "boveiledning", "bolig"]);
        assert_eq!(fields(krev_myndighet(&innhold, &all)), "");
        let one = held(&["rop_oppfolging"]);
        let refusal = krev_myndighet(&innhold, &one).unwrap_err();
        assert_eq!(refusal.felt[0].felt, "vedtak.linjer[1].type");
        let said = format!("{:?}", refusal.felt[0]);
        assert!(said.contains("vedtaksmyndighet:boveiledning"), "{said}");
        assert_eq!(refusal.felt[1].felt, "vedtak.bolig.rett");
        let whole = vec!["vedtaksmyndighet".to_owned()];
        assert_eq!(krev_myndighet(&innhold, &whole).unwrap_err().felt.len(), 3);
    }

    /// Seen red: with `krev_koer` that accepts everybody; with any allocator for
    /// any right.
    #[test]
    fn a_line_goes_to_a_unit_that_takes_orders() {
        let innhold = proveark::lest(&proveark::vedtak("s"));
        let mut faults = FieldFaults::new();
        krev_koer(
            &innhold,
            &["rop".to_owned()],
            &[("midlertidig".to_owned(), vec!["boligkontor".to_owned()])].into(),
            &mut faults,
        );
        let refusal = faults.finish().unwrap_err();
        let named: Vec<&str> = refusal.felt.iter().map(|f| f.felt.as_str()).collect();
        assert_eq!(named, ["vedtak.bolig.enhet", "vedtak.linjer[1].enheter[0]"]);
        for fault in &refusal.felt {
            assert_eq!(fault.grunn, Feilgrunn::FeltUkjentVerdi);
        }
    }

    #[test]
    fn a_decision_needs_all_its_parts() {
        let whole = proveark::lest(&proveark::vedtak("s"));
        assert!(fullstendig(&whole, None).is_ok());
        let empty = fullstendig(&Innhold::default(), None).unwrap_err();
        let missing: Vec<&str> = empty.felt.iter().map(|f| f.felt.as_str()).collect();
        assert_eq!(
            missing,
            [
                "vedtak.linjer",
                "vedtak.hjemmel",
                "vedtak.begrunnelse",
                "vedtak.personens_syn",
                "vedtak.hovedansvarlig"
            ]
        );
        let mut line = whole;
        line.linjer[1].hjemmel = None;
        let refusal = fullstendig(&line, None).unwrap_err();
        assert_eq!(refusal.felt[0].felt, "vedtak.linjer[1].hjemmel");
        line.linjer[1].hjemmel.clone_from(&line.hjemmel);
        // A party that delivers nothing cannot answer for the whole.
        line.hovedansvarlig = "nav".into();
        let refusal = fullstendig(&line, None).unwrap_err();
        assert_eq!(refusal.felt[0].felt, "vedtak.hovedansvarlig");
        assert_eq!(refusal.felt[0].grunn, Feilgrunn::FeltMotstrid);
        // Unless it answers for the person by another vedtak.
        assert!(fullstendig(&line, Some("nav")).is_ok());
    }
}
