//! How a relation of treatment begins and ends.

use samspor_chassis::{
    domene::{Aktor, Virkninger, felt},
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::{
    felles::{Feilgrunn, Rolle},
    rop::TildelBehandlerRequest,
};

use super::{Behandlerforhold, Innhold, Slutt};

/// Longest employee id.
const MAKS_ANSATT: usize = 100;

/// Reads which employee shall treat, and on what basis.
pub(crate) fn les(
    request: &TildelBehandlerRequest,
    av: Aktor,
    now: Tid,
    faults: &mut FieldFaults,
) -> (String, Innhold) {
    let ansatt = felt::pakrevd(&request.ansatt, "ansatt", MAKS_ANSATT, faults);
    if !ansatt.bytes().all(|b| b.is_ascii_graphic()) {
        faults.form("ansatt", "en id uten mellomrom");
    }
    let innhold = Innhold {
        fra: now,
        tildelt_av: av,
        hjemmel: felt::hjemmel(request.hjemmel.as_ref(), "hjemmel", faults),
        slutt: None,
    };
    (ansatt, innhold)
}

/// Assigns an employee. It opens the restricted journal, so a leader does it, or
/// a clinician for another, and nobody for oneself.
///
/// # Errors
/// `IKKE_TILLATT` (W3) for anybody else.
pub(crate) fn tildel(
    person: String,
    id: String,
    ansatt: String,
    innhold: Innhold,
) -> Result<(Behandlerforhold, Virkninger), Refusal> {
    let av = &innhold.tildelt_av;
    let oneself = av.ansatt.is_empty() || av.ansatt == ansatt;
    if oneself || !matches!(av.rolle, Rolle::Leder | Rolle::Behandler) {
        return Err(Refusal::new(Feilgrunn::IkkeTillatt)
            .with("regel", "W3")
            .with(
                "rad",
                "Behandleren oppnevnes av en leder eller en annen behandler i enheten.",
            ));
    }
    let forhold = Behandlerforhold {
        person,
        id,
        versjon: 1,
        ansvarlig_enhet: innhold.tildelt_av.enhet.clone(),
        ansatt,
        innhold,
    };
    let out = virkninger("BehandlerTildelt", &forhold);
    Ok((forhold, out))
}

/// Ends the relation. It shuts the restricted journal, so the same do it: a
/// leader or a clinician, here also for oneself.
///
/// # Errors
/// `IKKE_TILLATT` (W3) for anybody else; `UGYLDIG_OVERGANG` when it has ended
/// before.
pub(crate) fn avslutt(
    mut forhold: Behandlerforhold,
    begrunnelse: String,
    av: Aktor,
    now: Tid,
) -> Result<(Behandlerforhold, Virkninger), Refusal> {
    if !matches!(av.rolle, Rolle::Leder | Rolle::Behandler) {
        return Err(Refusal::new(Feilgrunn::IkkeTillatt)
            .with("regel", "W3")
            .with(
                "rad",
                "Behandlerforholdet avsluttes av en leder eller en behandler i enheten.",
            ));
    }
    if forhold.innhold.slutt.is_some() {
        return Err(Refusal::transition("AVSLUTTET", &[]));
    }
    forhold.innhold.slutt = Some(Slutt {
        tid: now,
        av,
        begrunnelse,
    });
    let out = virkninger("BehandlerAvsluttet", &forhold);
    Ok((forhold, out))
}

fn virkninger(hendelse: &'static str, forhold: &Behandlerforhold) -> Virkninger {
    let mut out = Virkninger::new();
    let owner = [forhold.ansvarlig_enhet.clone()];
    out.hendelse(hendelse, &forhold.emne(), owner);
    out.faktum(forhold.faktum());
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use samspor_proto::felles::{Faktumtype, Hjemmel, part};

    use super::*;

    const NOW: Tid = Tid(1_800_000_000_000_000);
    const LATER: Tid = Tid(1_800_000_100_000_000);

    fn who(ansatt: &str) -> Aktor {
        Aktor {
            enhet: "rop".into(),
            ansatt: ansatt.into(),
            rolle: Rolle::Leder,
        }
    }

    fn read(ansatt: &str) -> Result<(String, Innhold), Vec<(String, Feilgrunn)>> {
        let request = TildelBehandlerRequest {
            ansatt: ansatt.into(),
            hjemmel: Some(Hjemmel {
                lov: "helsepersonelloven".into(),
                paragraf: "§ 4".into(),
            }),
            ..Default::default()
        };
        let mut faults = FieldFaults::new();
        let read = les(&request, who("l1"), NOW, &mut faults);
        match faults.finish() {
            Ok(()) => Ok(read),
            Err(refusal) => Err(refusal
                .felt
                .into_iter()
                .map(|fault| (fault.felt, fault.grunn))
                .collect()),
        }
    }

    #[test]
    fn an_employee_is_named_by_id() {
        assert_eq!(
            read(""),
            Err(vec![("ansatt".into(), Feilgrunn::FeltMangler)])
        );
        assert_eq!(
            read("Ola Nordmann"),
            Err(vec![("ansatt".into(), Feilgrunn::FeltForm)])
        );
        assert!(read("rop-t1").is_ok());
    }

    #[test]
    fn the_fact_begins_and_ends_with_the_relation() {
        let (ansatt, innhold) = read("t1").unwrap();
        let (forhold, out) = tildel("p".into(), "f".into(), ansatt, innhold).unwrap();
        let begins = out.fakta[0].clone();
        assert_eq!(begins.r#type(), Faktumtype::Behandler);
        assert_eq!(begins.opprettet_av, "l1");
        let party = begins.part.unwrap().hvem.unwrap();
        assert_eq!(party, part::Hvem::Ansatt("t1".into()));
        assert!(begins.periode.unwrap().til.is_none());

        let (forhold, out) = avslutt(forhold, "Ny behandler".into(), who("l2"), LATER).unwrap();
        let ends = &out.fakta[0];
        assert_eq!(ends.id, "behandler/f");
        assert_eq!(ends.periode.unwrap().fra, begins.periode.unwrap().fra);
        assert_eq!(ends.periode.unwrap().til, Some(LATER.into()));

        let again = avslutt(forhold, "x".into(), who("l2"), LATER).unwrap_err();
        assert_eq!(again.grunn, Feilgrunn::UgyldigOvergang);
    }

    /// Seen red: with any role.
    #[test]
    fn a_leader_or_a_clinician_ends_it() {
        for (rolle, allowed) in [
            (Rolle::Leder, true),
            (Rolle::Behandler, true),
            (Rolle::Miljo, false),
            (Rolle::Saksbehandler, false),
            (Rolle::Beslutter, false),
            (Rolle::System, false),
        ] {
            let (ansatt, innhold) = read("t1").unwrap();
            let (forhold, _) = tildel("p".into(), "f".into(), ansatt, innhold).unwrap();
            let mut av = who("t1");
            av.rolle = rolle;
            let refused = avslutt(forhold, "x".into(), av, LATER).err();
            let expected = (!allowed).then_some(Feilgrunn::IkkeTillatt);
            assert_eq!(refused.map(|refusal| refusal.grunn), expected, "{rolle:?}");
        }
    }

    /// Who assigns `t1`, in which role.
    ///
    /// Seen red: with any role; and without the comparison of employees.
    #[test]
    fn a_leader_or_another_clinician_assigns() {
        let table = [
            ("l1", Rolle::Leder, true),
            ("t2", Rolle::Behandler, true),
            ("t1", Rolle::Behandler, false),
            ("t1", Rolle::Leder, false),
            ("m1", Rolle::Miljo, false),
            ("s1", Rolle::Saksbehandler, false),
            ("b1", Rolle::Beslutter, false),
            ("", Rolle::System, false),
            ("", Rolle::Leder, false),
        ];
        for (assigns, rolle, allowed) in table {
            let (ansatt, mut innhold) = read("t1").unwrap();
            innhold.tildelt_av.ansatt = assigns.into();
            innhold.tildelt_av.rolle = rolle;
            let found = tildel("p".into(), "f".into(), ansatt, innhold);
            let refused = found.err().map(|refusal| refusal.grunn);
            let expected = (!allowed).then_some(Feilgrunn::IkkeTillatt);
            assert_eq!(refused, expected, "{assigns} {rolle:?}");
        }
    }
}
