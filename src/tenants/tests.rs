use super::*;

const ALPHA: &str = "alpha-alpha-alpha-1";
const BETA: &str = "beta-beta-beta-beta";

fn text(tenants: &[(&str, &[&str], &str)]) -> Vec<u8> {
    let tenant = |(name, tokens, rest): &(&str, &[&str], &str)| {
        format!("[[tenant]]\nname = \"{name}\"\ntokens = {tokens:?}\n{rest}\n")
    };
    tenants.iter().map(tenant).collect::<String>().into_bytes()
}

fn tenants(file: &[(&str, &[&str], &str)]) -> Tenants {
    Tenants::new(&text(file), Arc::new(Metrics::new().unwrap())).unwrap()
}

#[test]
fn a_tenant_is_known_by_each_of_its_tokens_and_by_nothing_else() {
    let tenants = tenants(&[("a", &[ALPHA, "alpha-alpha-alpha-2"], ""), ("b", &[BETA], "")]);
    let name = |token: &str| tenants.find(token.as_bytes()).map(|pass| pass.tenant.name().to_owned());
    assert_eq!(name(ALPHA).as_deref(), Some("a"));
    assert_eq!(name("alpha-alpha-alpha-2").as_deref(), Some("a"));
    assert_eq!(name(BETA).as_deref(), Some("b"));
    for wrong in ["", "alpha-alpha-alpha-", "alpha-alpha-alpha-3", "ALPHA-ALPHA-ALPHA-1", &format!("{ALPHA} ")] {
        assert_eq!(name(wrong), None, "{wrong}");
    }
    assert_eq!(tenants.count(), 2);
    let shown = format!("{tenants:?} {:?}", tenants.find(ALPHA.as_bytes()));
    assert!(!shown.contains("alpha-") && shown.contains("Tenant(a)"), "{shown}");
}

#[test]
fn who_stays_keeps_what_is_in_use_and_a_token_that_goes_is_revoked() {
    let tenants = tenants(&[("a", &[ALPHA, "alpha-alpha-alpha-2"], "calls_max = 1"), ("b", &[BETA], "")]);
    let find = |token: &str| tenants.find(token.as_bytes());
    let (first, second, other) = (find(ALPHA).unwrap(), find("alpha-alpha-alpha-2").unwrap(), find(BETA).unwrap());
    let call = first.tenant.open().unwrap();

    tenants.replace(b"[[tenant]]\nname = 1").unwrap_err();
    assert!(find(ALPHA).is_some() && !first.revoked.is_cancelled(), "what is refused changes nothing");

    tenants.replace(&text(&[("a", &[ALPHA], "calls_max = 1"), ("c", &[BETA], "")])).unwrap();
    assert!(!first.revoked.is_cancelled() && second.revoked.is_cancelled());
    assert!(other.revoked.is_cancelled(), "the token is another's now");
    assert_eq!(find(BETA).unwrap().tenant.name(), "c");
    assert!(find("alpha-alpha-alpha-2").is_none());
    assert!(find(ALPHA).unwrap().tenant.open().is_err(), "the call is still open");
    drop(call);
    assert!(find(ALPHA).unwrap().tenant.open().is_ok());
}

#[test]
fn a_priority_is_capped_and_never_raised() {
    let tenants = tenants(&[("a", &[ALPHA], "priority = \"batch\""), ("b", &[BETA], "")]);
    let priority = |token: &str, asked| tenants.find(token.as_bytes()).unwrap().tenant.priority(asked);
    assert_eq!(priority(ALPHA, Priority::Interactive), Priority::Batch);
    assert_eq!(priority(BETA, Priority::Interactive), Priority::Interactive);
    assert_eq!(priority(BETA, Priority::Batch), Priority::Batch);
}

#[tokio::test(start_paused = true)]
async fn a_turn_waits_for_room_and_for_its_moment() {
    let tenants = tenants(&[("a", &[ALPHA], "in_flight_max = 2\nvariations_per_second = 4")]);
    let tenant = tenants.find(ALPHA.as_bytes()).unwrap().tenant;
    let (one, _two) = (tenant.turn().await, tenant.turn().await);
    let waits = tokio::time::timeout(Duration::from_secs(9), tenant.turn()).await;
    assert!(waits.is_err(), "two are in flight");
    assert_eq!(tenant.turn_now().unwrap_err().quota, Quota::InFlight);
    let freed = async {
        tokio::task::yield_now().await;
        drop(one);
    };
    let (three, ()) = tokio::join!(tenant.turn(), freed);
    let more = text(&[("a", &[ALPHA], "in_flight_max = 3\nvariations_per_second = 4")]);
    let grown = async {
        tokio::task::yield_now().await;
        tenants.replace(&more).unwrap();
    };
    let (four, ()) = tokio::join!(tenant.turn(), grown);
    drop((three, four));
}
