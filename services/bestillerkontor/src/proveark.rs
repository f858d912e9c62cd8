//! Records that the tests of the rules start from.

use samspor_chassis::{
    domene::{Aktor, Dag},
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::{
    bestillerkontor::{
        self as proto, Boligrett, Evalueringsanbefaling, Kanal, MottaSoknadRequest, PersonensSyn,
        Tjenestetype,
    },
    felles::{Feilgrunn, Hjemmel, Rolle},
    internt::Boligtildeler,
};

use crate::{
    ENHET,
    evaluering::Evaluering,
    mottatt::Mottatt,
    soknad::{self, Soknad},
    vedtak::{self, Vedtak},
};

/// Friday 2027-01-15 08:00 UTC.
pub(crate) const NOW: Tid = Tid(1_800_000_000_000_000);
/// 100 seconds later.
pub(crate) const LATER: Tid = Tid(1_800_000_100_000_000);

/// An employee.
pub(crate) fn who(enhet: &str, ansatt: &str) -> Aktor {
    Aktor {
        enhet: enhet.into(),
        ansatt: ansatt.into(),
        rolle: Rolle::Saksbehandler,
    }
}

/// The application `s` of the person `p`, registered and mapped, in a state.
pub(crate) fn soknad(tilstand: soknad::Tilstand) -> Soknad {
    let request = MottaSoknadRequest {
        eget_onske: "Ro til å sove".into(),
        kanal: Kanal::Oppmote.into(),
        ..Default::default()
    };
    let mut faults = FieldFaults::new();
    let innsendt = soknad::rules::les(request, false, &[], &mut faults);
    assert!(faults.is_empty());
    let mottak = soknad::rules::Mottak {
        person: "p".into(),
        id: "s".into(),
        referanse: "S-1".into(),
        av: who(ENHET, "a1"),
        fra_personen: false,
        ansvarlig: ENHET.into(),
        mottatt: Mottatt::na(NOW),
    };
    let (received, _) = soknad::rules::motta(mottak, innsendt, NOW);
    let by = who(ENHET, "a2");
    let (mut soknad, ..) = soknad::rules::start(received, "k".into(), None, by, NOW).unwrap();
    soknad.tilstand = tilstand;
    soknad
}

/// The draft `v`, complete, written by `a1`.
pub(crate) fn utkast(soknad: &Soknad) -> Vedtak {
    let mut faults = FieldFaults::new();
    let innhold = vedtak::innhold::les(&vedtak(&soknad.id), &mut faults);
    assert!(faults.is_empty());
    let mut ready = soknad.clone();
    ready.tilstand = soknad::Tilstand::Klar;
    vedtak::rules::opprett(&ready, "v".into(), ENHET, innhold, &who(ENHET, "a1"), NOW)
        .unwrap()
        .0
}

/// A complete draft as a request carries it, with something of every class.
pub(crate) fn vedtak(soknad: &str) -> proto::Vedtak {
    let hjemmel = || {
        Some(Hjemmel {
            lov: "helse- og omsorgstjenesteloven".into(),
            paragraf: "§ 3-2 nr. 6 b".into(),
        })
    };
    let line = |type_: Tjenestetype, unit: &str| proto::Tjenestelinje {
        r#type: type_.into(),
        min_timer: 1.5,
        maks_timer: 4.0,
        enheter: vec![unit.into()],
        fra: "2027-02-01".into(),
        hjemmel: hjemmel(),
        vilkar: vec!["Avtalt tid".into()],
        mal: "Holde orden i egen bolig".into(),
        leveringssted: "Hjemme".into(),
        helsehensyn: "Angst for fremmede".into(),
        ..Default::default()
    };
    proto::Vedtak {
        soknad: format!("personer/p/soknader/{soknad}"),
        linjer: vec![
            line(Tjenestetype::RopOppfolging, "enheter/rop"),
            line(Tjenestetype::Boveiledning, "enheter/bom"),
        ],
        bolig: Some(proto::Boliglinje {
            rett: Boligrett::Omsorgsbolig.into(),
            enhet: "enheter/boligkontor".into(),
            fra: "2027-02-01".into(),
            krav: vec!["Trinnfri inngang".into()],
        }),
        hovedansvarlig: "enheter/rop".into(),
        parter: vec!["enheter/nav".into()],
        koordinator: "k1".into(),
        begrunnelse: "Trenger hjelp til å holde på boligen".into(),
        medisinsk_grunnlag: "Opplyst av fastlege".into(),
        funksjonsvurdering: "Klarer lite alene".into(),
        okonomi_merknad: "Ingen egenandel".into(),
        intern_vurdering: "Vurdert mot bofellesskap".into(),
        delt_vurdering: "Enighet om oppfølging hjemme".into(),
        hjemmel: hjemmel(),
        utskrevet_fra_sykehus: true,
        personens_syn: PersonensSyn::DelvisEnig.into(),
        personens_ord: "Vil ha færre besøk".into(),
        parorende: vec![proto::Parorende {
            navn: "Kari".into(),
            relasjon: "søster".into(),
            kontakt: "per telefon".into(),
            barn: false,
        }],
        ..Default::default()
    }
}

/// What a request says that a vedtak shall say.
pub(crate) fn lest(request: &proto::Vedtak) -> vedtak::innhold::Innhold {
    let mut faults = FieldFaults::new();
    let innhold = vedtak::innhold::les(request, &mut faults);
    faults.finish().unwrap();
    innhold.med_linje_id()
}

/// An evaluation of the day.
pub(crate) fn en_evaluering(av: Aktor, now: Tid) -> Evaluering {
    Evaluering {
        fra: Dag::av(now),
        til: Dag::av(now),
        oppsummering: "Holder avtaler".into(),
        anbefaling: Evalueringsanbefaling::Viderefores,
        personens_syn: PersonensSyn::Enig,
        personens_ord: String::new(),
        av,
        tid: now,
    }
}

/// Every function that a unit can hold here.
pub(crate) fn alle_funksjoner() -> Vec<String> {
    let types = (1..100).filter_map(|number| Tjenestetype::try_from(number).ok());
    let types = types.map(|type_| {
        let name = type_.as_str_name().strip_prefix("TJENESTETYPE_").unwrap();
        format!("vedtaksmyndighet:{}", name.to_lowercase())
    });
    let rest = ["vedtaksmyndighet", "vedtaksmyndighet:bolig"].map(str::to_owned);
    types.chain(rest).collect()
}

/// Units that decide, in the municipality of the tests.
pub(crate) fn besluttere() -> Vec<String> {
    [ENHET, "rop", "hjemmetjeneste"].map(str::to_owned).into()
}

/// A municipality where one unit allocates all dwellings that rights are met with.
pub(crate) fn boligtildelere() -> Vec<Boligtildeler> {
    let of = |boligtype: &str| Boligtildeler {
        boligtype: boligtype.into(),
        enheter: vec!["boligkontor".into()],
    };
    ["kommunal_utleie", "omsorgsbolig"].map(of).into()
}

/// Holds every cell of a state × verb table (`tests/data/*.csv`: the state
/// after, or `-` for refused) against the rules.
pub(crate) fn every_cell<T: Copy>(
    table: &str,
    states: &[T],
    verb: impl Fn(&str, T) -> Result<&'static str, Refusal>,
    code: impl Fn(T) -> &'static str,
) {
    let mut rows = table.lines().map(|row| row.split(';').collect::<Vec<_>>());
    let verbs = rows.next().unwrap();
    let rows: Vec<_> = rows.collect();
    assert_eq!(rows.len(), states.len());
    for (row, state) in rows.iter().zip(states) {
        assert_eq!(row[0], code(*state));
        assert_eq!(row.len(), verbs.len());
        for (name, expected) in verbs.iter().zip(row).skip(1) {
            match (verb(name, *state), *expected) {
                (Err(refusal), "-") => {
                    assert_eq!(refusal.grunn, Feilgrunn::UgyldigOvergang, "{row:?} {name}");
                    assert_eq!(refusal.nokler["tilstand"], row[0]);
                }
                (Ok(after), expected) => assert_eq!(after, expected, "{row:?} {name}"),
                (Err(refusal), _) => panic!("{row:?} {name}: {refusal}"),
            }
        }
    }
}
