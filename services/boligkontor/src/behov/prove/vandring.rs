//! A random life: the overview after each step, against a plain count.

use samspor_chassis::testing::angrep::Tilfelle;

use super::{modell::*, *};

samspor_chassis::on_both_databases! {
    at_every_step_the_overview_is_what_is_so,
}

const PERSONER: usize = 7;
const STEG: usize = 120;

fn soknad(chance: &mut Tilfelle, today: Dag) -> Boligsoknad {
    let coming = chance.av(4) == 0;
    let cause = Kommendearsak::try_from(i32::try_from(chance.av(4)).unwrap()).unwrap();
    let in_days = i32::try_from(chance.av(400)).unwrap() - 20;
    let mut soknad = Boligsoknad {
        barn: i32::from(chance.av(3) == 0),
        behov: Some(Boligbehov {
            kvinne: chance.av(2) == 0,
            rusfritt_miljo: chance.av(3) == 0,
            rullestol: chance.av(4) == 0,
            bemanning: i32::try_from(chance.av(5)).unwrap(),
            ..Default::default()
        }),
        ..boligsak::prove::soknad()
    };
    if coming {
        soknad.kommende_dag = today.pluss_dager(in_days).to_string();
        soknad.kommende_arsak = cause.into();
    }
    soknad
}
/// A step that is not allowed is refused, and changes nothing; a defect is none.
fn eller_avslag<T>(answer: Result<T, Error>) -> Option<T> {
    match answer {
        Ok(answer) => Some(answer),
        Err(error) => {
            assert!(error.refusal().is_some(), "{error:?}");
            None
        }
    }
}

fn enhet(type_: Tildelingstype) -> &'static str {
    match type_ {
        Tildelingstype::Omsorgsbolig => "bestillerkontor",
        Tildelingstype::Midlertidig => "nav",
        _ => "rop",
    }
}

fn lov() -> Hjemmel {
    Hjemmel {
        lov: "boligsosialloven".into(),
        paragraf: "§ 6".into(),
    }
}

/// Something happens to an application.
async fn sak_steg(store: &Store, chance: &mut Tilfelle, modell: &Modell, today: Dag) {
    let verb = chance.av(8);
    if verb < 2 || modell.saker.is_empty() {
        let request = RegistrerBoligsoknadRequest {
            parent: person(chance.av(PERSONER)),
            request_id: request_id(),
            tildelingstype: i32::try_from(2 + chance.av(3)).unwrap(),
            soknad: Some(soknad(chance, today)),
        };
        kall!(store, hos("nav", "n1"), boligsak::rpc::registrer, request).unwrap();
        return;
    }
    let sak = modell.saker[chance.av(modell.saker.len())].clone();
    let unit = enhet(sak.tildelingstype());
    match verb {
        2 | 3 => {
            let request = boligsak::prove::vurdering(&sak, &[]);
            eller_avslag(kall!(
                store,
                hos(unit, "v1"),
                boligsak::rpc::vurder,
                request
            ));
        }
        4 | 5 => {
            let request = boligsak::prove::godkjenning(&sak);
            eller_avslag(kall!(
                store,
                hos(unit, "g1"),
                boligsak::rpc::godkjenn,
                request
            ));
        }
        6 if chance.av(2) == 0 => {
            let request = AvslaBoligsakRequest {
                name: sak.name,
                request_id: request_id(),
                etag: sak.etag,
                hjemmel: Some(lov()),
                begrunnelse: "Har bolig".into(),
                klageinstans: "Klagenemnda".into(),
            };
            eller_avslag(kall!(store, hos(unit, "g1"), boligsak::rpc::avsla, request));
        }
        6 => {
            let request = TrekkBoligsakRequest {
                name: sak.name,
                request_id: request_id(),
                onske: "Flytter".into(),
            };
            eller_avslag(kall!(store, hos(unit, "g1"), boligsak::rpc::trekk, request));
        }
        _ => {
            let request = EndreBoligsakRequest {
                name: sak.name,
                request_id: request_id(),
                etag: sak.etag,
                soknad: Some(soknad(chance, today)),
            };
            eller_avslag(kall!(store, hos(unit, "v1"), boligsak::rpc::endre, request));
        }
    }
}

/// Something happens to a dwelling.
async fn bolig_steg(store: &Store, chance: &mut Tilfelle, modell: &Modell, step: usize) {
    let stock: Vec<&Bolig> = modell.boliger.values().collect();
    let verb = chance.av(9);
    if verb < 2 || stock.is_empty() {
        let type_ = Tildelingstype::try_from(i32::try_from(1 + chance.av(4)).unwrap()).unwrap();
        let request = RegistrerBoligRequest {
            parent: KONTORET.into(),
            request_id: request_id(),
            nokkel: format!("A-{step}"),
            egenskaper: Some(leilighet(type_)),
        };
        kall!(store, hos(ENHET, "b1"), bolig::rpc::registrer, request).unwrap();
        return;
    }
    let one = stock[chance.av(stock.len())];
    let (name, request_id) = (one.name.clone(), request_id());
    let who = hos(ENHET, "b1");
    match verb {
        2..=4 => {
            let request = MeldKlargjortRequest { name, request_id };
            eller_avslag(kall!(store, who, bolig::rpc::meld_klargjort, request));
        }
        5 => {
            let request = TaUtAvDriftRequest {
                name,
                request_id,
                arsak: i32::try_from(2 + chance.av(4)).unwrap(),
                merknad: String::new(),
                kostnad_per_dag: i32::try_from(chance.av(3) * 100).unwrap(),
            };
            eller_avslag(kall!(store, who, bolig::rpc::ta_ut_av_drift, request));
        }
        6 => {
            let request = SettIDriftRequest { name, request_id };
            eller_avslag(kall!(store, who, bolig::rpc::sett_i_drift, request));
        }
        7 => {
            // Another type, where nobody has it.
            let type_ = i32::try_from(1 + chance.av(4)).unwrap();
            let request = EndreBoligRequest {
                name,
                request_id,
                etag: one.etag.clone(),
                egenskaper: Some(Boligegenskaper {
                    tildelingstype: type_,
                    kostnad_per_dag: 100,
                    ..one.egenskaper.clone().unwrap()
                }),
            };
            eller_avslag(kall!(store, who, bolig::rpc::endre, request));
        }
        _ => {
            let request = AvviklBoligRequest {
                name,
                request_id,
                begrunnelse: "Solgt".into(),
            };
            eller_avslag(kall!(store, who, bolig::rpc::avvikl, request));
        }
    }
}

/// So many days from now.
fn om_dager(store: &Store, days: i32) -> Tid {
    let today = Dag::av(store.clock().now());
    today.pluss_dager(days).start()
}

/// Somebody gets a dwelling, one step further each time, or gives it back.
async fn tildel_steg(
    store: &Store,
    chance: &mut Tilfelle,
    modell: &Modell,
    held: &mut Vec<Reservasjon>,
) {
    let free = |one: &&Bolig| one.tilstand() == Boligtilstand::Ledig;
    let free: Vec<&Bolig> = modell.boliger.values().filter(free).collect();
    let waits = |sak: &&Boligsak| sak.tilstand() == BoligsakTilstand::Godkjent;
    let waits: Vec<&Boligsak> = modell.saker.iter().filter(waits).collect();
    let type_of = |one: &Bolig| one.egenskaper.as_ref().unwrap().tildelingstype();
    let pairs: Vec<(&Bolig, &Boligsak)> = free
        .iter()
        .flat_map(|one| waits.iter().map(move |sak| (*one, *sak)))
        .filter(|(one, sak)| type_of(one) == sak.tildelingstype())
        .collect();
    if chance.av(3) == 0 && !pairs.is_empty() {
        let (one, sak) = pairs[chance.av(pairs.len())];
        let type_ = type_of(one);
        let request = ReserverBoligRequest {
            overstyring: "Trenger den mest".into(),
            egnethetsunntak: "Det er den som finnes".into(),
            utloper: Some(om_dager(store, 85).into()),
            ..onske(&sak.name, &one.name)
        };
        let answer = kall!(
            store,
            hos(enhet(type_), "r1"),
            reservasjon::rpc::reserver,
            request
        );
        held.extend(eller_avslag(answer).and_then(|answer| answer.reservasjon));
        return;
    }
    if held.is_empty() {
        return;
    }
    let place = chance.av(held.len());
    let now = held[place].clone();
    let who = hos(now.ansvarlig_enhet.trim_start_matches("enheter/"), "r1");
    let (name, request_id) = (now.name.clone(), request_id());
    let open = now.tilstand() != ReservasjonTilstand::Kontrakt;
    if open && now.utloper.unwrap().seconds <= om_dager(store, 1).0 / 1_000_000 {
        let request = OpphevReservasjonRequest {
            name,
            request_id,
            etag: now.etag,
            begrunnelse: "Tiden er ute".into(),
        };
        let answer = kall!(store, who, reservasjon::rpc::opphev, request);
        eller_avslag(answer);
        held.remove(place);
        return;
    }
    let changed = match now.tilstand() {
        ReservasjonTilstand::Reservert => {
            let request = TilbyBoligRequest {
                name,
                request_id,
                etag: now.etag,
                svarfrist: now.utloper,
            };
            let answer = kall!(store, who, reservasjon::rpc::tilby, request);
            eller_avslag(answer).and_then(|answer| answer.reservasjon)
        }
        ReservasjonTilstand::Tilbudt => {
            let request = SvarTilbudRequest {
                request_id,
                aksepterer: chance.av(4) != 0,
                onske: String::new(),
                name: name.clone(),
            };
            let whose = name.split("/reservasjoner/").next().unwrap();
            let answer = kall!(store, personen(whose), reservasjon::rpc::svar, request);
            eller_avslag(answer).and_then(|answer| answer.reservasjon)
        }
        ReservasjonTilstand::Akseptert => {
            let request = kontrakt(&name);
            let answer = kall!(store, hos(ENHET, "b1"), leieforhold::rpc::innga, request);
            eller_avslag(answer).and_then(|answer| answer.reservasjon)
        }
        ReservasjonTilstand::Kontrakt => {
            let tenancy = les(store, &now.leieforhold).await;
            let request = AvsluttLeieforholdRequest {
                name: tenancy.name,
                request_id,
                etag: tenancy.etag,
                begrunnelse: "Flyttet ut".into(),
            };
            let answer = kall!(store, hos(ENHET, "b1"), leieforhold::rpc::avslutt, request);
            eller_avslag(answer);
            held.remove(place);
            return;
        }
        _ => None,
    };
    match changed {
        Some(changed) => held[place] = changed,
        None => {
            held.remove(place);
        }
    }
}

/// Nav tells of a stay.
async fn opphold_steg(
    store: &Store,
    chance: &mut Tilfelle,
    modell: &mut Modell,
    (step, now): (usize, Tid),
) {
    let who = person(chance.av(PERSONER));
    let mut stays = modell.opphold.iter_mut().rev();
    let latest = stays.find(|stay| stay.person == who);
    let id = opphold_id(step);
    match latest {
        Some(stay) if stay.pagar => {
            let type_ = [
                "OppholdFlyttet",
                "OppholdOverTreManeder",
                "OppholdAvsluttet",
            ];
            let type_ = type_[chance.av(3)];
            stay.over |= type_ == "OppholdOverTreManeder";
            stay.pagar = type_ != "OppholdAvsluttet";
            hor(store, hendelse(type_, &who, &stay.name.clone(), now)).await;
        }
        before => {
            let goes_on = before.filter(|_| chance.av(2) == 0);
            let type_ = match goes_on {
                Some(_) => "OppholdFortsatt",
                None => "OppholdStartet",
            };
            let stay = Opphold {
                name: id.clone(),
                person: who.clone(),
                siden: goes_on.as_ref().map_or(now, |before| before.siden),
                over: goes_on.is_some_and(|before| before.over),
                pagar: true,
            };
            modell.opphold.push(stay);
            hor(store, hendelse(type_, &who, &id, now)).await;
        }
    }
}

/// Two years of applications, decisions, dwellings, tenancies and stays: after
/// each step the overview is what a plain count of the records says, and when all
/// is over, the overview of each day is the one that was seen then.
///
/// Seen red: with those of an undecided application among who has none, and with
/// dwellings whose past is not kept.
async fn at_every_step_the_overview_is_what_is_so(database: Database) {
    let store = lager(&database).await;
    let mut chance = Tilfelle(20_250_131);
    let mut modell = Modell::default();
    let (mut held, mut seen) = (Vec::new(), Vec::new());
    for step in 0..STEG {
        let hours = 24 * (1 + chance.av(12)) as u64;
        database
            .clock()
            .advance(std::time::Duration::from_hours(hours));
        let now = database.clock().now();
        match chance.av(8) {
            0..=2 => sak_steg(&store, &mut chance, &modell, Dag::av(now)).await,
            3 | 4 => bolig_steg(&store, &mut chance, &modell, step).await,
            5 | 6 => tildel_steg(&store, &mut chance, &modell, &mut held).await,
            _ => opphold_steg(&store, &mut chance, &mut modell, (step, now)).await,
        }
        modell.les(&store, PERSONER, now).await;
        let shown = oversikt(&store, "").await;
        let plain = Behovsoversikt {
            name: shown.name.clone(),
            ansvarlig_enhet: KONTORET.into(),
            dag: Dag::av(now).to_string(),
            tidspunkt: Some(now.into()),
            ..modell.tell(now)
        };
        assert_eq!(shown, plain, "step {step}");
        seen.push(shown);
    }
    // The life was one: each kind of number was above nothing some time.
    let any = |is: &dyn Fn(&Behovsoversikt) -> bool| assert!(seen.iter().any(is));
    any(&|one| one.celler.iter().any(|cell| cell.over_tre_maneder > 0));
    any(&|one| one.celler.iter().any(|cell| cell.ventet_over_tolv > 0));
    any(&|one| one.kommende.iter().any(|cell| cell.antall > 0));
    any(&|one| one.uten_boligsak_over_tre > 0);
    any(&|one| one.beholdning.iter().any(|cell| cell.reserverte > 0));
    any(&|one| one.beholdning.iter().any(|cell| cell.utleide > 0));
    any(&|one| one.tomgang.iter().any(|sum| sum.kostnad > 0));
    database
        .clock()
        .advance(std::time::Duration::from_hours(24));
    for then in seen {
        let again = oversikt(&store, &then.dag).await;
        let again = Behovsoversikt {
            tidspunkt: then.tidspunkt,
            ..again
        };
        assert_eq!(again, then);
    }
}
