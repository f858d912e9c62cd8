//! What a crisis plan may say, and how a version replaces another.

use samspor_chassis::{
    domene::{Aktor, Dag, Virkninger, felt},
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::rop::SkrivKriseplanRequest;

use super::{FRIST_GJENNOMGANG, Innhold, Krisekontakt, Kriseplan};
use crate::innstillinger::Innstillinger;

/// Most next of kin to call.
const MAKS_KONTAKTER: usize = 20;

/// So many days before it is to be gone through, the unit is warned.
const VARSEL_DAGER: i32 = 14;

/// Reads what a plan says.
pub(crate) fn les(
    request: &SkrivKriseplanRequest,
    av: Aktor,
    now: Tid,
    innstillinger: &Innstillinger,
    faults: &mut FieldFaults,
) -> Innhold {
    let today = Dag::av(now);
    let latest = today.pluss_maneder(innstillinger.kriseplan_maneder.into());
    let gjennomgas = felt::dag(&request.gjennomgas, "gjennomgas", faults).unwrap_or(latest);
    if gjennomgas <= today || gjennomgas > latest {
        faults.form(
            "gjennomgas",
            format_args!("en dag etter i dag, senest {latest}"),
        );
    }
    felt::antall(request.kontakter.len(), "kontakter", MAKS_KONTAKTER, faults);
    let kontakter = request
        .kontakter
        .iter()
        .enumerate()
        .map(|(place, contact)| {
            let at = |name: &str| format!("kontakter[{place}].{name}");
            Krisekontakt {
                navn: felt::pakrevd(&contact.navn, &at("navn"), felt::KORT, faults),
                relasjon: felt::tekst(&contact.relasjon, &at("relasjon"), felt::KORT, faults),
                telefon: felt::pakrevd(&contact.telefon, &at("telefon"), felt::KORT, faults),
            }
        })
        .collect();
    Innhold {
        varseltegn: felt::pakrevd(&request.varseltegn, "varseltegn", felt::LANG, faults),
        hjelper: felt::pakrevd(&request.hjelper, "hjelper", felt::LANG, faults),
        unnga: felt::tekst(&request.unnga, "unnga", felt::LANG, faults),
        behandling: felt::tekst(&request.behandling, "behandling", felt::LANG, faults),
        kontakter,
        trygt_sted: felt::tekst(&request.trygt_sted, "trygt_sted", felt::KORT, faults),
        erstatter: None,
        skrevet_av: av,
        skrevet: now,
        med_personen: request.med_personen,
        hjemmel: felt::hjemmel(request.hjemmel.as_ref(), "hjemmel", faults),
        gjennomgas: Some(gjennomgas),
    }
}

/// Writes a version. `read` is the name of the version that the writer had
/// before them, empty for none; `before` is the newest there is.
///
/// # Errors
/// `UTDATERT_ETAG` when they differ.
pub(crate) fn skriv(
    mut innhold: Innhold,
    person: String,
    id: String,
    read: &str,
    before: Option<Kriseplan>,
) -> Result<(Kriseplan, Option<Kriseplan>, Virkninger), Refusal> {
    let newest = before.as_ref().map(Kriseplan::name).unwrap_or_default();
    if read != newest {
        return Err(Refusal::stale_etag());
    }
    let nr = before.as_ref().map_or(1, |before| before.nr + 1);
    innhold.erstatter = before.as_ref().map(|before| before.id.clone());
    let mut out = Virkninger::new();
    let replaced = before.map(|mut before| {
        before.nyeste = false;
        out.slett_frist(FRIST_GJENNOMGANG, &before.name());
        before
    });
    let plan = Kriseplan {
        person,
        id,
        versjon: 1,
        nr,
        ansvarlig_enhet: innhold.skrevet_av.enhet.clone(),
        nyeste: true,
        innhold,
    };
    let owner = [plan.ansvarlig_enhet.clone()];
    out.hendelse("KriseplanSkrevet", &plan.emne(), owner);
    frist(&plan, &mut out);
    Ok((plan, replaced, out))
}

/// The clock of a version that stands.
pub(crate) fn frist(plan: &Kriseplan, out: &mut Virkninger) {
    if let Some(day) = plan.innhold.gjennomgas {
        let warn = Some(day.pluss_dager(-VARSEL_DAGER).start());
        let owner = [plan.ansvarlig_enhet.clone()];
        out.frist(FRIST_GJENNOMGANG, &plan.emne(), day.slutt(), warn, owner);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use samspor_proto::{
        felles::{Feilgrunn, Hjemmel, Rolle},
        rop as proto,
    };

    use super::*;
    use crate::innstillinger::innstillinger;

    /// Friday 2027-01-15 08:00 UTC.
    const NOW: Tid = Tid(1_800_000_000_000_000);

    fn read(
        change: impl FnOnce(&mut SkrivKriseplanRequest),
    ) -> Result<Innhold, Vec<(String, Feilgrunn)>> {
        let mut request = SkrivKriseplanRequest {
            varseltegn: "Sover ikke".into(),
            hjelper: "Ro og te".into(),
            kontakter: vec![proto::Krisekontakt {
                navn: "Kari".into(),
                relasjon: "søster".into(),
                telefon: "oppgitt".into(),
            }],
            hjemmel: Some(Hjemmel {
                lov: "helsepersonelloven".into(),
                paragraf: "§ 4".into(),
            }),
            ..Default::default()
        };
        change(&mut request);
        let by = Aktor {
            enhet: "rop".into(),
            ansatt: "t1".into(),
            rolle: Rolle::Behandler,
        };
        let mut faults = FieldFaults::new();
        let read = les(&request, by, NOW, innstillinger().unwrap(), &mut faults);
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
    fn what_a_plan_must_say() {
        type Change = fn(&mut SkrivKriseplanRequest);
        let table: [(Change, &str); 5] = [
            (|r| r.varseltegn.clear(), "varseltegn"),
            (|r| r.hjelper.clear(), "hjelper"),
            (|r| r.hjemmel = None, "hjemmel"),
            (|r| r.kontakter[0].navn.clear(), "kontakter[0].navn"),
            (|r| r.kontakter[0].telefon.clear(), "kontakter[0].telefon"),
        ];
        assert!(read(|_| ()).is_ok());
        for (change, field) in table {
            let expected = vec![(field.to_owned(), Feilgrunn::FeltMangler)];
            assert_eq!(read(change), Err(expected));
        }
    }

    /// Seen red: with a day that is further ahead.
    #[test]
    fn a_plan_is_gone_through_within_a_year() {
        for (asked, found) in [
            ("", Some("2028-01-15")),
            ("2027-01-16", Some("2027-01-16")),
            ("2028-01-15", Some("2028-01-15")),
            ("2027-01-15", None),
            ("2028-01-16", None),
        ] {
            let day = read(|request| request.gjennomgas = asked.into());
            let day = day.map(|plan| plan.gjennomgas.unwrap().to_string());
            let fault = vec![("gjennomgas".to_owned(), Feilgrunn::FeltForm)];
            let expected = found.map(str::to_owned).ok_or(fault);
            assert_eq!(day, expected, "{asked}");
        }
    }

    #[test]
    fn nobody_replaces_a_version_that_was_not_read() {
        let innhold = || read(|_| ()).unwrap();
        let write = |seen: &str, before| skriv(innhold(), "p".into(), "2".into(), seen, before);
        let (first, none, _) = skriv(innhold(), "p".into(), "1".into(), "", None).unwrap();
        assert!(none.is_none() && first.nr == 1 && first.nyeste);
        for seen in ["", "personer/p/kriseplaner/0"] {
            let refusal = write(seen, Some(first.clone())).unwrap_err();
            assert_eq!(refusal.grunn, Feilgrunn::UtdatertEtag);
        }
        assert!(write("personer/p/kriseplaner/1", None).is_err());
        let (second, replaced, _) = write("personer/p/kriseplaner/1", Some(first)).unwrap();
        assert_eq!(second.nr, 2);
        assert_eq!(second.innhold.erstatter.as_deref(), Some("1"));
        assert!(!replaced.unwrap().nyeste);
    }
}
