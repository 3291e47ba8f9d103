use super::*;
use crate::{supervisor::StartError, tenants::Quota};

fn base_id() -> BaseId {
    BaseId::of("test", "")
}

fn over_quota(retry_after: Option<Duration>) -> OverQuota {
    OverQuota { quota: Quota::Rate, max: 5, retry_after }
}

/// One of each; a new variant breaks the match below until it is listed here.
fn every_error() -> Vec<(CallError, Code)> {
    let violations = || vec![Violation::new("stats.names[0]", "why")];
    let refusals = [
        (Refusal::Draining, Code::Unavailable),
        (Refusal::NotReady, Code::Unavailable),
        (Refusal::BasesFull, Code::ResourceExhausted),
        (Refusal::MemoryFull, Code::ResourceExhausted),
        (Refusal::SessionsFull, Code::ResourceExhausted),
        (Refusal::QueueFull, Code::ResourceExhausted),
    ];
    let mut errors = vec![
        (CallError::Invalid(violations()), Code::InvalidArgument),
        (CallError::UnknownStats(violations()), Code::InvalidArgument),
        (
            CallError::UnknownEngine { field: "base.engine".into(), asked: "x".into(), known: "`sample`".into() },
            Code::NotFound,
        ),
        (CallError::Reload(ReloadError::Unknown { asked: "x".into(), known: "`sample`".into() }), Code::NotFound),
        (CallError::Reload(ReloadError::Directory("why".into())), Code::InvalidArgument),
        (CallError::Reload(ReloadError::Running), Code::FailedPrecondition),
        (CallError::Reload(ReloadError::TooManyOld), Code::FailedPrecondition),
        (CallError::Reload(ReloadError::Boot(StartError::Names.into())), Code::FailedPrecondition),
        (CallError::Reload(ReloadError::Check("why".into())), Code::FailedPrecondition),
        (CallError::Reload(ReloadError::Stopping), Code::Unavailable),
        (CallError::UnknownBase(base_id()), Code::NotFound),
        (EvictError::InUse(base_id()).into(), Code::FailedPrecondition),
        (Leaving.into(), Code::FailedPrecondition),
        (CallError::Unauthenticated, Code::Unauthenticated),
        (CallError::OverQuota(over_quota(None)), Code::ResourceExhausted),
        (CallError::DeadlineExceeded, Code::DeadlineExceeded),
        (CallError::Idle, Code::Aborted),
        (CallError::SessionLost, Code::Unavailable),
        (CallError::SessionAged, Code::Unavailable),
        (CallError::Inbound(Status::out_of_range("too large")), Code::OutOfRange),
        (CallError::Internal("x".into()), Code::Internal),
    ];
    for (refusal, code) in refusals {
        errors.push((CallError::from_base(BaseError::Refused(refusal), &Limits::default()), code));
    }
    let exceeded = Exceeded { limit: Limit::Batch, most: 1, came: 2 };
    errors.push((CallError::limit("variations", exceeded), Code::InvalidArgument));
    for &reason in FailureReason::ALL {
        let failure = Failure::new(reason, "", "why");
        errors.push((CallError::Base { field: "base".into(), failure }, code_of_failure(reason)));
    }
    errors
}

fn place(error: &CallError) -> usize {
    match error {
        CallError::Invalid(_) => 0,
        CallError::UnknownStats(_) => 1,
        CallError::UnknownEngine { .. } => 2,
        CallError::UnknownBase(_) => 3,
        CallError::Base { .. } => 4,
        CallError::Limit { .. } => 15,
        CallError::Refused(Refusal::Draining) => 5,
        CallError::Refused(Refusal::NotReady) => 6,
        CallError::Refused(Refusal::BasesFull) | CallError::Full(Refusal::BasesFull, _) => 7,
        CallError::Refused(Refusal::MemoryFull) => 14,
        CallError::Refused(Refusal::SessionsFull) | CallError::Full(Refusal::SessionsFull, _) => 8,
        CallError::Refused(Refusal::QueueFull) | CallError::Full(Refusal::QueueFull, _) => 9,
        CallError::Full(other, _) => panic!("{other:?} is no limit's"),
        CallError::DeadlineExceeded => 10,
        CallError::SessionLost => 11,
        CallError::Inbound(_) => 12,
        CallError::Internal(_) => 13,
        CallError::Idle => 16,
        CallError::BaseInUse(_) => 17,
        CallError::Leaving => 18,
        CallError::SessionAged => 19,
        CallError::Unauthenticated => 20,
        CallError::OverQuota(_) => 21,
        CallError::Reload(_) => 22,
    }
}

#[test]
fn every_error_has_its_code_and_one_stable_reason() {
    let mut places: Vec<_> = every_error().iter().map(|(error, _)| place(error)).collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places, (0..23).collect::<Vec<_>>(), "a variant is missing from the list");

    for (error, code) in every_error() {
        let status = Status::from(error.clone());
        assert_eq!(status.code(), code, "{error}");
        let details = status.get_error_details();
        let info = details.error_info().unwrap_or_else(|| panic!("{error} has no ErrorInfo"));
        assert_eq!(info.domain, ERROR_DOMAIN);
        assert!(info.reason.len() <= 63 && info.reason.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
    }
}

#[test]
fn invalid_arguments_name_their_fields() {
    for (error, code) in every_error() {
        let named = Status::from(error.clone()).get_error_details().bad_request().is_some();
        let unknown_engine =
            matches!(error, CallError::UnknownEngine { .. } | CallError::Reload(ReloadError::Unknown { .. }));
        assert_eq!(named, code == Code::InvalidArgument || unknown_engine, "{error}");
    }
    let status = Status::from(CallError::bad_build("base.xml", None, "line 3").within("start"));
    let details = status.get_error_details();
    let violation = &details.bad_request().unwrap().field_violations[0];
    assert_eq!((violation.field.as_str(), violation.description.as_str()), ("start.base.xml", "line 3"));
}

#[test]
fn only_what_may_pass_says_when_to_try_again() {
    for (error, code) in every_error() {
        let status = Status::from(error.clone());
        let refused = matches!(error, CallError::Refused(_) | CallError::Full(..) | CallError::OverQuota(_));
        let retry = refused || code == Code::Unavailable;
        let delay = match error {
            CallError::SessionAged => Duration::ZERO,
            _ => RETRY_DELAY,
        };
        let said = status.get_error_details().retry_info().and_then(|info| info.retry_delay);
        assert_eq!(said, retry.then_some(delay), "{error}");
        let pushback = refused && code == Code::ResourceExhausted;
        assert_eq!(status.metadata().contains_key(PUSHBACK_HEADER), pushback, "{error}");
    }
}

#[test]
fn over_quota_says_which_and_when_to_come_back() {
    for (retry_after, milliseconds) in
        [(None, 1000), (Some(Duration::from_millis(250)), 250), (Some(Duration::ZERO), 1)]
    {
        let status = Status::from(CallError::OverQuota(over_quota(retry_after)));
        assert_eq!(status.message(), "over the quota `variations_per_second` of 5");
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!(info.reason, "QUOTA_EXCEEDED");
        assert_eq!((&*info.metadata["quota"], &*info.metadata["max"]), ("variations_per_second", "5"));
        let delay = details.retry_info().unwrap().retry_delay;
        assert_eq!(delay, Some(Duration::from_millis(milliseconds)));
        let pushback = status.metadata().get(PUSHBACK_HEADER).unwrap();
        assert_eq!(pushback.to_str().unwrap(), milliseconds.to_string());
    }
}

#[test]
fn a_status_stays_small_whatever_the_request_held() {
    let violations = (0..10_000).map(|_| Violation::new("\u{e4}".repeat(5_000), "\u{e4}".repeat(5_000))).collect();
    let status = Status::from(CallError::Invalid(violations));
    assert!(status.message().len() <= TEXT_BYTES_MAX + 3);
    assert!(status.details().len() < 16 << 10);
}

#[test]
fn a_limit_is_named_by_its_flag_with_its_value_and_what_came() {
    let exceeded = Exceeded { limit: Limit::XmlSize, most: 10, came: 11 };
    let build = CallError::bad_build("base.xml", Some(exceeded), format!("the build has {exceeded}"));
    for (error, flag, max, actual) in [
        (build.within("start"), "--xml-size-max", "10", "11"),
        (CallError::from_base(Refusal::BasesFull.into(), &Limits::default()), "--bases-max", "8", "9"),
    ] {
        let status = Status::from(error);
        assert!(status.message().contains(flag), "{status}");
        let details = status.get_error_details();
        let metadata = &details.error_info().unwrap().metadata;
        let expected = [("limit", flag), ("max", max), ("actual", actual)];
        assert_eq!(metadata.len(), expected.len());
        for (key, value) in expected {
            assert_eq!(metadata[key], value, "{status}");
        }
    }
    let status = Status::from(CallError::Inbound(Status::out_of_range("too large")));
    assert_eq!(status.get_error_details().error_info().unwrap().metadata["limit"], "--request-size-max");
}
