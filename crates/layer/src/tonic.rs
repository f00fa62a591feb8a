//! The caller of a gRPC call.

use tonic::{Request, Status};

use super::caller::Caller;

impl Caller {
    /// The caller of a gRPC call.
    ///
    /// # Errors
    ///
    /// `INTERNAL`, if no layer judged the call: the service isn't put together right.
    pub fn of<T>(request: &Request<T>) -> Result<&Self, Status> {
        let caller = request.extensions().get::<Self>();
        caller.ok_or_else(|| Status::internal("no layer judged this call: add one to the server"))
    }
}
