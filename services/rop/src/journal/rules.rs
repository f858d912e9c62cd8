//! What a note may say.

use samspor_chassis::{
    domene::{Aktor, Virkninger, felt, navn},
    error::FieldFaults,
    tid::Tid,
};
use samspor_proto::rop::{SkrivAapentNotatRequest, SkrivBegrensetNotatRequest};

use super::{Innhold, Notat, Slag};
use crate::unntak;

/// Reads an open note: it says something of function or of health.
pub(crate) fn les_aapent(
    request: &SkrivAapentNotatRequest,
    av: Aktor,
    now: Tid,
    faults: &mut FieldFaults,
) -> Innhold {
    let funksjon = felt::tekst(&request.funksjon, "funksjon", felt::LANG, faults);
    let tekst = if request.funksjon.trim().is_empty() {
        felt::pakrevd(&request.tekst, "tekst", felt::LANG, faults)
    } else {
        felt::tekst(&request.tekst, "tekst", felt::LANG, faults)
    };
    Innhold {
        tema: felt::pakrevd(&request.tema, "tema", felt::KORT, faults),
        funksjon,
        tekst,
        unntatt: unntak::les(request.unntatt_innsyn, &request.unntatt_begrunnelse, faults),
        retter: retter(&request.retter, &request.parent, Slag::Aapent, faults),
        skrevet_av: av,
        skrevet: now,
        hjemmel: felt::hjemmel(request.hjemmel.as_ref(), "hjemmel", faults),
        rettelse_begrunnelse: rettelse(&request.rettelse_begrunnelse, &request.retter, faults),
    }
}

/// Reads a restricted note.
pub(crate) fn les_begrenset(
    request: &SkrivBegrensetNotatRequest,
    av: Aktor,
    now: Tid,
    faults: &mut FieldFaults,
) -> Innhold {
    Innhold {
        tema: felt::pakrevd(&request.tema, "tema", felt::KORT, faults),
        funksjon: String::new(),
        tekst: felt::pakrevd(&request.tekst, "tekst", felt::LANG, faults),
        unntatt: unntak::les(request.unntatt_innsyn, &request.unntatt_begrunnelse, faults),
        retter: retter(&request.retter, &request.parent, Slag::Begrenset, faults),
        skrevet_av: av,
        skrevet: now,
        hjemmel: felt::hjemmel(request.hjemmel.as_ref(), "hjemmel", faults),
        rettelse_begrunnelse: rettelse(&request.rettelse_begrunnelse, &request.retter, faults),
    }
}

/// Why a note is corrected: a reason exactly where one is.
fn rettelse(reason: &str, retter: &str, faults: &mut FieldFaults) -> String {
    let read = felt::tekst(reason, "rettelse_begrunnelse", felt::LANG, faults);
    match (retter.is_empty(), reason.trim().is_empty()) {
        (false, true) => faults.missing("rettelse_begrunnelse"),
        (true, false) => faults.contradicts(
            "rettelse_begrunnelse",
            "retter",
            "gjelder bare når et notat rettes",
        ),
        _ => {}
    }
    read
}

/// Id of the note that is corrected: of the same kind and the same person.
fn retter(name: &str, parent: &str, slag: Slag, faults: &mut FieldFaults) -> Option<String> {
    if name.is_empty() {
        return None;
    }
    let (person, id) = navn::les_post(name, slag.samling(), "retter", faults);
    if !person.is_empty() && navn::person(&person) != parent {
        faults.contradicts("retter", "parent", "notatet gjelder en annen person");
    }
    Some(id)
}

/// Writes a note.
pub(crate) fn skriv(
    slag: Slag,
    person: String,
    id: String,
    innhold: Innhold,
) -> (Notat, Virkninger) {
    let notat = Notat {
        person,
        id,
        slag,
        rettet_av: None,
        ansvarlig_enhet: innhold.skrevet_av.enhet.clone(),
        innhold,
    };
    let mut out = Virkninger::new();
    if let Some(type_) = slag.hendelse() {
        out.hendelse(type_, &notat.emne(), [notat.ansvarlig_enhet.clone()]);
    }
    (notat, out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use samspor_proto::felles::{Feilgrunn, Hjemmel, Rolle};

    use super::*;

    const P: &str = "3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";
    const OTHER: &str = "4f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";
    const NOW: Tid = Tid(1_800_000_000_000_000);

    fn who() -> Aktor {
        Aktor {
            enhet: "rop".into(),
            ansatt: "t1".into(),
            rolle: Rolle::Behandler,
        }
    }

    fn hjemmel() -> Hjemmel {
        Hjemmel {
            lov: "helsepersonelloven".into(),
            paragraf: "§ 39".into(),
        }
    }

    fn open(
        change: impl FnOnce(&mut SkrivAapentNotatRequest),
    ) -> Result<Innhold, Vec<(String, Feilgrunn)>> {
        let mut request = SkrivAapentNotatRequest {
            parent: navn::person(P),
            tema: "Uke 3".into(),
            tekst: "Roligere".into(),
            hjemmel: Some(hjemmel()),
            ..Default::default()
        };
        change(&mut request);
        let mut faults = FieldFaults::new();
        let read = les_aapent(&request, who(), NOW, &mut faults);
        finish(faults).map(|()| read)
    }

    fn closed(
        change: impl FnOnce(&mut SkrivBegrensetNotatRequest),
    ) -> Result<Innhold, Vec<(String, Feilgrunn)>> {
        let mut request = SkrivBegrensetNotatRequest {
            parent: navn::person(P),
            tema: "Samtale".into(),
            tekst: "Om barndommen".into(),
            hjemmel: Some(hjemmel()),
            ..Default::default()
        };
        change(&mut request);
        let mut faults = FieldFaults::new();
        let read = les_begrenset(&request, who(), NOW, &mut faults);
        finish(faults).map(|()| read)
    }

    fn finish(faults: FieldFaults) -> Result<(), Vec<(String, Feilgrunn)>> {
        faults.finish().map_err(|refusal| {
            let faults = refusal.felt.into_iter();
            faults.map(|fault| (fault.felt, fault.grunn)).collect()
        })
    }

    #[test]
    fn what_a_note_must_say() {
        let missing = |field: &str| Err(vec![(field.to_owned(), Feilgrunn::FeltMangler)]);
        assert!(open(|_| ()).is_ok());
        assert!(closed(|_| ()).is_ok());
        assert_eq!(open(|r| r.tema.clear()), missing("tema"));
        assert_eq!(open(|r| r.tekst.clear()), missing("tekst"));
        assert_eq!(open(|r| r.hjemmel = None), missing("hjemmel"));
        assert_eq!(closed(|r| r.tema.clear()), missing("tema"));
        assert_eq!(closed(|r| r.tekst.clear()), missing("tekst"));
        assert_eq!(closed(|r| r.hjemmel = None), missing("hjemmel"));
        let function_alone = open(|r| {
            r.tekst.clear();
            r.funksjon = "Handler selv".into();
        });
        assert_eq!(function_alone.unwrap().funksjon, "Handler selv");
    }

    #[test]
    fn a_correction_names_a_note_of_the_same_kind_and_person() {
        let name = |person: &str, slag: Slag| navn::post(person, slag.samling(), P);
        let corrected = open(|r| {
            r.retter = name(P, Slag::Aapent);
            r.rettelse_begrunnelse = "feil person".into();
        })
        .unwrap();
        assert_eq!(corrected.retter.as_deref(), Some(P));
        let other_kind = open(|r| {
            r.retter = name(P, Slag::Begrenset);
            r.rettelse_begrunnelse = "feil".into();
        });
        assert_eq!(
            other_kind,
            Err(vec![("retter".into(), Feilgrunn::FeltForm)])
        );
        let other_person = closed(|r| {
            r.retter = name(OTHER, Slag::Begrenset);
            r.rettelse_begrunnelse = "feil".into();
        });
        assert_eq!(
            other_person,
            Err(vec![("retter".into(), Feilgrunn::FeltMotstrid)])
        );
    }

    /// Seen red: without the reason.
    #[test]
    fn a_correction_says_why_and_nothing_else_does() {
        let name = navn::post(P, Slag::Aapent.samling(), P);
        let fault = |reason| Err(vec![("rettelse_begrunnelse".to_owned(), reason)]);
        let silent = open(|r| r.retter.clone_from(&name));
        assert_eq!(silent, fault(Feilgrunn::FeltMangler));
        let idle = open(|r| r.rettelse_begrunnelse = "feil".into());
        assert_eq!(idle, fault(Feilgrunn::FeltMotstrid));
    }

    /// To see it red, give restricted notes an event.
    #[test]
    fn nothing_tells_of_a_restricted_note() {
        let innhold = closed(|_| ()).unwrap();
        let (_, out) = skriv(Slag::Begrenset, P.into(), "n".into(), innhold.clone());
        assert!(out.hendelser.is_empty() && out.fakta.is_empty() && out.frister.is_empty());
        let (_, out) = skriv(Slag::Aapent, P.into(), "n".into(), innhold);
        assert_eq!(out.hendelser.len(), 1);
    }
}
