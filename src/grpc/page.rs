//! Pages of lists: which part of a list a request means.
//!
//! A token says where its page begins. It is opaque to clients; to us it is a number, which nobody can do harm with.

use super::status::CallError;
use crate::build::limits::Limits;

/// The part of a list that a request means, and the token of the next.
///
/// # Errors
/// [`CallError::Invalid`] if the token is none of ours.
pub(super) fn page<T>(
    mut list: Vec<T>,
    size: u32,
    token: &str,
    limits: &Limits,
) -> Result<(Vec<T>, String), CallError> {
    let begin = match token {
        "" => 0,
        token => token.parse().map_err(|_| CallError::invalid("page_token", "no token that this server gave"))?,
    };
    if begin > list.len() {
        return Err(CallError::invalid("page_token", "no token that this server gave for this list"));
    }
    let most = limits.page;
    let size = match usize::try_from(size) {
        Ok(0) | Err(_) => most,
        Ok(size) => size.min(most),
    };
    let mut page = list.split_off(begin);
    let more = page.len() > size;
    page.truncate(size);
    Ok((page, if more { (begin + size).to_string() } else { String::new() }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_token_is_refused_by_name() {
        for token in ["x", "-1", "4", "99999999999999999999999"] {
            let error = page(vec![1, 2, 3], 0, token, &Limits::default()).unwrap_err();
            assert!(matches!(&error, CallError::Invalid(violations) if violations[0].field == "page_token"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn all_pages_together_are_the_list(length in 0..50_u32, size in 0..60_u32, most in 1..20_usize) {
            let limits = Limits { page: most, ..Limits::default() };
            let list: Vec<_> = (0..length).collect();
            let (mut all, mut token) = (Vec::new(), String::new());
            loop {
                let (part, next) = page(list.clone(), size, &token, &limits).unwrap();
                prop_assert!(part.len() <= most && (size == 0 || part.len() <= size as usize));
                all.extend(part);
                if next.is_empty() { break }
                token = next;
            }
            prop_assert_eq!(all, list);
        }
    }
}
