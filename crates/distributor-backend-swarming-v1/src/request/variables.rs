//! Variables of this service in a command. Swarming's own pass through untouched.

const HOST: &str = "${DM.HOST}";

/// Replaces every occurrence, in one pass: what was put in is not looked at again.
pub(super) fn fill_in(argument: &str, dm_host: &str) -> String {
    argument.replace(HOST, dm_host)
}
