//! The context that a route asks for, from the file to what is used.

use super::file;
use super::problem::Problems;
use crate::routing::Pattern;
use mfa_gateway_core::policy::Context;

/// The parameter that names the customer, where the route doesn't say.
const CUSTOMER: &str = "customer";

/// The context that a route asks for, and which segment of its paths names the customer.
pub(super) fn read(
    path: &str,
    file: &file::Route,
    pattern: Option<&Pattern>,
    problems: &mut Problems<'_>,
) -> (Context, Option<usize>) {
    let context = match file.context {
        None => Context::Any,
        Some(file::Context::Partner) => Context::Partner,
        Some(file::Context::Customer) => Context::Customer,
    };
    if context != Context::Customer {
        if file.customer_parameter.is_some() {
            let message = "this has no effect without `context: customer`";
            problems.add(&format!("{path}.customer_parameter"), message, "remove it, or set `context: customer`");
        }
        return (context, None);
    }
    let name = file.customer_parameter.as_deref().unwrap_or(CUSTOMER);
    let Some(pattern) = pattern else { return (context, None) };
    let place = pattern.parameters().find(|(own, _)| *own == name).map(|(_, place)| place);
    if place.is_none() {
        let message =
            format!("the route's paths name no customer: `{}` has no parameter `{{{name}}}`", pattern.as_written());
        let fix = match pattern.parameters().next() {
            Some((other, _)) => format!("write `customer_parameter: {other}` if that is the customer's tenant id"),
            None => {
                format!("write the segment with the customer's tenant id as a parameter: `/v1/customers/{{{name}}}/`")
            }
        };
        problems.add(&format!("{path}.context"), message, fix);
    }
    (context, place)
}
