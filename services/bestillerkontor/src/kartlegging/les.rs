//! Reads what requests say about a mapping.

use std::collections::BTreeMap;

use samspor_chassis::{
    call::Samtykke,
    domene::{Aktor, felt, navn},
    error::FieldFaults,
    tid::Tid,
};
use samspor_proto::{
    bestillerkontor as proto,
    klassifisering::{Klasser, kortnavn},
    tilgang::Dataklasse,
};

use super::{
    Beskrivelse, Boevne, Innhenting, Livsomrade, Omrade, Resultat, SAMTYKKER, instrument,
    rules::Funn,
};

const BEHOVSNIVA: &str = "samspor.bestillerkontor.v1.Behovsniva";
const BOEVNENIVA: &str = "samspor.bestillerkontor.v1.Boevneniva";
const FORM: &str = "samspor.bestillerkontor.v1.Innhentingsform";

/// Whose mapping it is, who calls, and when.
#[derive(Debug)]
pub(crate) struct Kall<'a> {
    pub(crate) person: &'a str,
    pub(crate) av: &'a Aktor,
    pub(crate) now: Tid,
    /// The person's consents to the unit that hold now, by id.
    pub(crate) samtykker: &'a BTreeMap<String, Samtykke>,
}

/// Who asked, for what is of these classes. None, with a fault, when it is missing.
pub(crate) fn innhenting(
    value: Option<&proto::Innhenting>,
    klasser: Klasser,
    kall: &Kall<'_>,
    faults: &mut FieldFaults,
) -> Option<Innhenting> {
    let Some(value) = value else {
        faults.missing("innhenting");
        return None;
    };
    let asked_by = felt::tekst(&value.spurt_av, "innhenting.spurt_av", felt::KORT, faults);
    let spurt = felt::tidspunkt(value.spurt, "innhenting.spurt", faults);
    if value.spurt.is_none() {
        faults.missing("innhenting.spurt");
    }
    if spurt.is_some_and(|spurt| spurt > kall.now) {
        faults.contradicts(
            "innhenting.spurt",
            "nå",
            "personen kan ikke være spurt i fremtiden",
        );
    }
    let form = felt::valg(value.form, "innhenting.form", FORM, faults);
    let samtykke = (!value.samtykke.is_empty()).then(|| {
        let field = "innhenting.samtykke";
        let (person, id) = navn::les_post(&value.samtykke, SAMTYKKER, field, faults);
        if !id.is_empty() && person != kall.person {
            faults.contradicts(field, "name", "samtykket må være personens eget");
        } else if !id.is_empty() {
            krev_samtykke(kall.samtykker.get(&id), spurt, klasser, faults);
        }
        id
    });
    Some(Innhenting {
        spurt_av: if asked_by.is_empty() {
            kall.av.ansatt.clone()
        } else {
            asked_by
        },
        spurt: spurt?,
        form,
        samtykke,
    })
}

/// The consent is the unit's, held when the person was asked, holds still, and
/// covers what is recorded.
fn krev_samtykke(
    samtykke: Option<&Samtykke>,
    spurt: Option<Tid>,
    klasser: Klasser,
    faults: &mut FieldFaults,
) {
    let field = "innhenting.samtykke";
    let Some(samtykke) = samtykke else {
        faults.contradicts(
            field,
            "samtykker",
            "koordinerende enhet har ikke dette samtykket til enheten i kraft; registrer det \
             (GiSamtykke), eller la feltet stå tomt",
        );
        return;
    };
    if spurt.is_some_and(|spurt| spurt < samtykke.fra) {
        faults.contradicts(
            field,
            "innhenting.spurt",
            "samtykket gjaldt ikke da personen ble spurt; la feltet stå tomt",
        );
    }
    let missing: Vec<&str> = klasser
        .uten(samtykke.klasser)
        .iter()
        .map(kortnavn)
        .collect();
    if !missing.is_empty() {
        faults.contradicts(
            field,
            "samtykker",
            format_args!(
                "samtykket dekker ikke {}; registrer et som gjør det (GiSamtykke), eller la feltet \
                 stå tomt",
                missing.join(", ")
            ),
        );
    }
}

/// An answered instrument, scored. None, with a fault, when it cannot be.
pub(crate) fn resultat(
    request: &proto::RegistrerInstrumentRequest,
    kall: &Kall<'_>,
    faults: &mut FieldFaults,
) -> Option<Resultat> {
    let helse = Klasser::av(&[Dataklasse::Helse]);
    let innhenting = innhenting(request.innhenting.as_ref(), helse, kall, faults);
    let found = instrument::les(&request.instrument, "instrument", faults)?;
    let skar = found.skar(&request.svar, request.oppgitt_skar, faults);
    Some(Resultat {
        instrument: found.name(),
        instrumentversjon: found.versjon.clone(),
        svar: request.svar.clone(),
        skar,
        innhenting: innhenting?,
        registrert_av: kall.av.clone(),
        registrert: kall.now,
    })
}

/// Areas of life that are set; at least one.
pub(crate) fn livsomrader(
    request: &proto::OppdaterLivsomraderRequest,
    kall: &Kall<'_>,
    faults: &mut FieldFaults,
) -> Vec<(Omrade, Livsomrade)> {
    let proto::Livsomrader {
        bolig,
        okonomi,
        arbeid_aktivitet,
        familie_nettverk,
        fysisk_helse,
        psykisk_helse,
        rus,
        juridisk,
    } = request.livsomrader.clone().unwrap_or_default();
    let areas = [
        (Omrade::Bolig, "bolig", bolig),
        (Omrade::Okonomi, "okonomi", okonomi),
        (
            Omrade::ArbeidAktivitet,
            "arbeid_aktivitet",
            arbeid_aktivitet,
        ),
        (
            Omrade::FamilieNettverk,
            "familie_nettverk",
            familie_nettverk,
        ),
        (Omrade::FysiskHelse, "fysisk_helse", fysisk_helse),
        (Omrade::PsykiskHelse, "psykisk_helse", psykisk_helse),
        (Omrade::Rus, "rus", rus),
        (Omrade::Juridisk, "juridisk", juridisk),
    ];
    let set = areas.iter().filter(|(_, _, area)| area.is_some());
    let klasser = set.map(|(omrade, ..)| omrade.klasse()).collect();
    let asked = innhenting(request.innhenting.as_ref(), klasser, kall, faults);
    if areas.iter().all(|(_, _, area)| area.is_none()) {
        faults.missing("livsomrader");
    }
    let mut found = Vec::new();
    for (omrade, name, area) in areas {
        let Some(area) = area else { continue };
        let at = |field: &str| format!("livsomrader.{name}.{field}");
        if area.innhenting.is_some() {
            faults.contradicts(
                at("innhenting"),
                "innhenting",
                "oppgi den én gang, i innhenting",
            );
        }
        let behov = felt::valg(area.behov, &at("behov"), BEHOVSNIVA, faults);
        let egne_ord = felt::tekst(&area.egne_ord, &at("egne_ord"), felt::LANG, faults);
        let beskrivelse = felt::tekst(&area.beskrivelse, &at("beskrivelse"), felt::LANG, faults);
        if let Some(innhenting) = asked.clone() {
            let area = Livsomrade {
                behov,
                egne_ord,
                beskrivelse,
                innhenting,
            };
            found.push((omrade, area));
        }
    }
    found
}

fn boevne(value: Option<&proto::Boevne>, faults: &mut FieldFaults) -> Option<Boevne> {
    value.map(|value| Boevne {
        niva: felt::valg(value.niva, "boevne.niva", BOEVNENIVA, faults),
        beskrivelse: felt::tekst(&value.beskrivelse, "boevne.beskrivelse", felt::LANG, faults),
    })
}

/// The classes of what completes an edition.
fn funnets(helsebeskrivelse: &str) -> Klasser {
    let mut classes = vec![Dataklasse::Funksjon];
    classes.extend((!helsebeskrivelse.is_empty()).then_some(Dataklasse::Helse));
    Klasser::av(&classes)
}

/// What completes the first edition. Function is required: services are matched
/// on it.
pub(crate) fn klar(
    request: &proto::GjorKlarSoknadRequest,
    kall: &Kall<'_>,
    faults: &mut FieldFaults,
) -> Funn {
    Funn {
        beskrivelse: Beskrivelse {
            funksjon: felt::pakrevd(
                &request.funksjonsbeskrivelse,
                "funksjonsbeskrivelse",
                felt::LANG,
                faults,
            ),
            helse: helse(&request.helsebeskrivelse, faults),
        },
        boevne: boevne(request.boevne.as_ref(), faults),
        innhenting: match &request.innhenting {
            Some(value) => innhenting(
                Some(value),
                funnets(&request.helsebeskrivelse),
                kall,
                faults,
            ),
            None => Some(Innhenting {
                spurt_av: kall.av.ansatt.clone(),
                spurt: kall.now,
                form: proto::Innhentingsform::Muntlig,
                samtykke: None,
            }),
        },
    }
}

/// What completes a later edition; what is empty is as before.
pub(crate) fn fullfort(
    request: &proto::FullforKartleggingRequest,
    kall: &Kall<'_>,
    faults: &mut FieldFaults,
) -> Funn {
    Funn {
        beskrivelse: Beskrivelse {
            funksjon: felt::tekst(
                &request.funksjonsbeskrivelse,
                "funksjonsbeskrivelse",
                felt::LANG,
                faults,
            ),
            helse: helse(&request.helsebeskrivelse, faults),
        },
        boevne: boevne(request.boevne.as_ref(), faults),
        innhenting: innhenting(
            request.innhenting.as_ref(),
            funnets(&request.helsebeskrivelse),
            kall,
            faults,
        ),
    }
}

fn helse(text: &str, faults: &mut FieldFaults) -> String {
    felt::tekst(text, "helsebeskrivelse", felt::LANG, faults)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use proto::{Behovsniva, Innhentingsform};
    use samspor_chassis::domene::navn;
    use samspor_proto::felles::Feilgrunn;

    use super::*;
    use crate::proveark::{LATER, NOW, who};

    const P: &str = "3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";
    const OTHER: &str = "4f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";

    fn asked() -> proto::Innhenting {
        proto::Innhenting {
            spurt: Some(NOW.into()),
            form: Innhentingsform::Skriftlig.into(),
            samtykke: navn::post(P, SAMTYKKER, OTHER),
            ..Default::default()
        }
    }

    fn registrering() -> proto::RegistrerInstrumentRequest {
        proto::RegistrerInstrumentRequest {
            instrument: "instrumenter/gad7".into(),
            svar: vec![1; 7],
            oppgitt_skar: Some(7.0),
            innhenting: Some(asked()),
            ..Default::default()
        }
    }

    /// The consent `OTHER`, from that instant.
    fn given(fra: Tid, klasser: &[Dataklasse]) -> BTreeMap<String, Samtykke> {
        let klasser = Klasser::av(klasser);
        BTreeMap::from([(OTHER.to_owned(), Samtykke { fra, klasser })])
    }

    fn fields<T>(read: impl FnOnce(&Kall<'_>, &mut FieldFaults) -> T) -> Vec<(String, Feilgrunn)> {
        let mut faults = FieldFaults::new();
        let av = who("bestillerkontor", "a1");
        let kall = Kall {
            person: P,
            av: &av,
            now: NOW,
            samtykker: &given(NOW, &[Dataklasse::Helse, Dataklasse::Bolig]),
        };
        read(&kall, &mut faults);
        let refusal = faults.finish().err();
        let found = refusal.map(|refusal| refusal.felt).unwrap_or_default();
        found.into_iter().map(|f| (f.felt, f.grunn)).collect()
    }

    /// Seen red: without each of the checks of `innhenting` in turn.
    #[test]
    fn who_asked_and_with_what_consent_is_held_to_its_rule() {
        type Change = fn(&mut proto::RegistrerInstrumentRequest);
        type Table = [(Change, &'static [(&'static str, Feilgrunn)]); 7];
        let table: Table = [
            (|_| {}, &[]),
            (
                |r| r.innhenting = None,
                &[("innhenting", Feilgrunn::FeltMangler)],
            ),
            (
                |r| r.innhenting = Some(proto::Innhenting::default()),
                &[
                    ("innhenting.spurt", Feilgrunn::FeltMangler),
                    ("innhenting.form", Feilgrunn::FeltUkjentVerdi),
                ],
            ),
            (
                |r| r.innhenting.as_mut().unwrap().spurt = Some(LATER.into()),
                &[("innhenting.spurt", Feilgrunn::FeltMotstrid)],
            ),
            (
                |r| r.innhenting.as_mut().unwrap().samtykke = navn::post(OTHER, SAMTYKKER, P),
                &[("innhenting.samtykke", Feilgrunn::FeltMotstrid)],
            ),
            (
                |r| r.innhenting.as_mut().unwrap().samtykke = "muntlig".into(),
                &[("innhenting.samtykke", Feilgrunn::FeltForm)],
            ),
            (
                |r| {
                    r.innhenting = None;
                    r.instrument.clear();
                },
                &[
                    ("innhenting", Feilgrunn::FeltMangler),
                    ("instrument", Feilgrunn::FeltMangler),
                ],
            ),
        ];
        for (change, expected) in table {
            let mut request = registrering();
            change(&mut request);
            let found = fields(|kall, faults| resultat(&request, kall, faults));
            let found: Vec<_> = found.iter().map(|(f, r)| (f.as_str(), *r)).collect();
            assert_eq!(found, expected);
        }
        let mut faults = FieldFaults::new();
        let av = who("bestillerkontor", "a1");
        let kall = Kall {
            person: P,
            av: &av,
            now: LATER,
            samtykker: &given(NOW, &[Dataklasse::Helse]),
        };
        let found = resultat(&registrering(), &kall, &mut faults).unwrap();
        assert_eq!(found.innhenting.spurt_av, "a1");
        assert_eq!(found.innhenting.samtykke.as_deref(), Some(OTHER));
    }

    /// Seen red: without each of the checks of `krev_samtykke` in turn.
    #[test]
    fn a_consent_is_the_units_own_and_covers_what_is_recorded() {
        let av = who("bestillerkontor", "a1");
        let refused = |samtykker: &BTreeMap<String, Samtykke>| {
            let mut faults = FieldFaults::new();
            let kall = Kall {
                person: P,
                av: &av,
                now: LATER,
                samtykker,
            };
            resultat(&registrering(), &kall, &mut faults);
            !faults.is_empty()
        };
        let health = [Dataklasse::Helse];
        assert!(!refused(&given(NOW, &health)));
        assert!(refused(&BTreeMap::new()), "it is not in force for the unit");
        assert!(refused(&given(LATER, &health)), "asked before it was given");
        assert!(
            refused(&given(NOW, &[Dataklasse::Bolig])),
            "of another class"
        );
    }

    /// Each area has the class that the contract gives it.
    #[test]
    fn an_area_has_the_class_of_the_contract() {
        let contracts = samspor_proto::klassifisering::kontrakter();
        let name = "samspor.bestillerkontor.v1.Livsomrader";
        let areas = contracts.pool.get_message_by_name(name).unwrap();
        let classes: Vec<_> = areas
            .fields()
            .map(|field| {
                let given = field
                    .options()
                    .get_extension(&contracts.utvidelser.klasse)
                    .as_enum_number();
                Dataklasse::try_from(given.unwrap()).unwrap()
            })
            .collect();
        let own = [
            Omrade::Bolig,
            Omrade::Okonomi,
            Omrade::ArbeidAktivitet,
            Omrade::FamilieNettverk,
            Omrade::FysiskHelse,
            Omrade::PsykiskHelse,
            Omrade::Rus,
            Omrade::Juridisk,
        ];
        assert_eq!(classes, own.map(Omrade::klasse));
    }

    #[test]
    fn an_area_has_a_need_and_is_asked_about_once() {
        let mut request = proto::OppdaterLivsomraderRequest {
            innhenting: Some(asked()),
            ..Default::default()
        };
        let none = fields(|kall, faults| livsomrader(&request, kall, faults));
        assert_eq!(none, [("livsomrader".into(), Feilgrunn::FeltMangler)]);
        request.livsomrader = Some(proto::Livsomrader {
            bolig: Some(proto::Livsomrade {
                behov: Behovsniva::Akutt.into(),
                ..Default::default()
            }),
            rus: Some(proto::Livsomrade {
                innhenting: Some(asked()),
                ..Default::default()
            }),
            ..Default::default()
        });
        let found = fields(|kall, faults| livsomrader(&request, kall, faults));
        assert_eq!(
            found,
            [
                ("livsomrader.rus.innhenting".into(), Feilgrunn::FeltMotstrid),
                ("livsomrader.rus.behov".into(), Feilgrunn::FeltUkjentVerdi),
            ]
        );
        let unknown = Some(proto::Boevne::default());
        let found = fields(|_, faults| boevne(unknown.as_ref(), faults));
        assert_eq!(found, [("boevne.niva".into(), Feilgrunn::FeltUkjentVerdi)]);
    }
}
