//! Requests, also those without a session.

use super::{
    Filter, Page, Paged, QueryError, Reader, Request, read,
    sessions::{REQUEST, request},
};

/// Which requests. The default is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestQuery {
    /// Which part.
    pub page: Page,
    /// Only those with this text in their name, route or trace id.
    pub text: Option<String>,
}

impl Reader {
    /// The requests, the latest to arrive first.
    pub fn requests(&self, query: &RequestQuery) -> Result<Paged<Request>, QueryError> {
        let mut filter = Filter::default();
        filter.and_some("id < ?", query.page.before);
        filter.and_some("(instr(name, ?) OR instr(route, ?) OR instr(trace_id, ?))", query.text.clone());
        let sql = format!("{}{} ORDER BY id DESC", REQUEST.replacen("SELECT", "SELECT id,", 1), filter.sql);
        let (items, is_more) = self.with(|connection| {
            let make = |row: &rusqlite::Row<'_>| Ok(((row.get::<_, i64>("id")?, request(row)?), 0));
            read(connection, &sql, &filter, query.page.limit(), make)
        })?;
        let next = items.last().filter(|_| is_more).map(|(id, _)| *id);
        Ok(Paged { items: items.into_iter().map(|(_, request)| request).collect(), next })
    }
}
