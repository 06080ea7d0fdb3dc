//! Writes in memory, under the same rules: what must stand afterwards, and what may be told of it. Nothing of Diglot's own code.

use super::condition::Condition;
use super::data::{Data, ITEM, NOTE, OWNER, Row, TABLES, Value};
use super::judge::Judge;
use serde_json::{Map, Value as Json, json};

/// What a role may do with one table.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub read: Condition,
    pub create_check: Condition,
    pub update: Condition,
    pub update_check: Condition,
    pub delete: Condition,
    /// Columns that it may not read, set in new rows, change.
    pub hidden: Vec<usize>,
    pub no_create: Vec<usize>,
    pub no_update: Vec<usize>,
}

/// A role that reads owners, and reads and writes items and notes.
#[derive(Clone, Debug)]
pub(super) struct Role {
    pub name: String,
    /// The rules of reading, by table.
    pub reads: [Condition; 3],
    pub item: Access,
    pub note: Access,
}

impl Role {
    pub(super) fn access(&self, table: usize) -> &Access {
        if table == NOTE { &self.note } else { &self.item }
    }

    fn hides(&self, table: usize, column: usize) -> bool {
        table != OWNER && self.access(table).hidden.contains(&column)
    }

    /// Whether it may follow a relation: it reads the columns that join the two tables.
    fn follows(&self, table: usize, relation: usize) -> bool {
        let relation = &TABLES[table].relations[relation];
        !self.hides(table, relation.own) && !self.hides(relation.target, relation.theirs)
    }

    /// Whether a condition asks for what the role may not know.
    fn is_overstepped(&self, table: usize, condition: &Condition) -> bool {
        match condition {
            Condition::And(parts) | Condition::Or(parts) => parts.iter().any(|part| self.is_overstepped(table, part)),
            Condition::Not(inner) => self.is_overstepped(table, inner),
            Condition::Compare(column, ..)
            | Condition::Match(column, ..)
            | Condition::In(column, ..)
            | Condition::IsNull(column, _)
            | Condition::Json(column, _) => self.hides(table, *column),
            Condition::Related(relation, inner) | Condition::Count(relation, inner, ..) => {
                let target = TABLES[table].relations[*relation].target;
                !self.follows(table, *relation) || self.is_overstepped(target, inner)
            }
        }
    }
}

/// New values: columns and what they get.
pub(super) type Sent = Vec<(usize, Value)>;

/// A new row.
#[derive(Clone, Debug)]
pub(super) struct NewRow {
    pub id: i64,
    pub sent: Sent,
}

/// What happens where a new row meets one of its key.
#[derive(Clone, Debug)]
pub(super) enum Meeting {
    Refuse,
    Ignore,
    /// These columns take the new values, where the row that stands fulfils a condition.
    Update(Vec<usize>, Option<Condition>),
    /// All that was sent is taken (Based's PUT).
    Put,
}

/// Which rows are meant.
#[derive(Clone, Debug)]
pub(super) enum Which {
    Key(i64),
    Where(Condition),
    /// Notes of an item that fulfil a condition.
    Of(i64, Condition),
}

/// What happens to rows of one table.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Insert(Vec<NewRow>, Meeting),
    /// New values, and by how much `small` or `stars` grows.
    Update(Which, Sent, Option<i64>),
    Delete(Which),
    /// New items, each with notes of its own.
    With(Vec<(NewRow, Vec<NewRow>)>),
    /// New values of an item, and what happens to its notes.
    Around(i64, Sent, Vec<Below>),
}

/// What happens to the notes of an item, in this order.
#[derive(Clone, Debug)]
pub(super) enum Below {
    Disconnect(Condition),
    Delete(Condition),
    Update(Condition, Sent),
    Connect(Condition),
    Insert(Vec<NewRow>),
    Upsert(Vec<NewRow>),
}

impl Below {
    /// Whether a role may ask for it at all, whatever rows there are.
    fn may_be_asked(&self, role: &Role, item: i64) -> bool {
        let access = &role.note;
        let sends = |sent: &Sent, columns: &[usize]| sent.iter().any(|(column, _)| columns.contains(column));
        let (filter, allowed) = match self {
            Below::Disconnect(filter) | Below::Delete(filter) | Below::Connect(filter) => (Some(filter), true),
            Below::Update(filter, sent) => (Some(filter), !sent.is_empty() && !sends(sent, &access.no_update)),
            Below::Insert(rows) | Below::Upsert(rows) => {
                let changes = matches!(self, Below::Upsert(_));
                let mut rows = of_item(item, rows).into_iter();
                let may = |row: NewRow| {
                    !(sends(&row.sent, &access.no_create) || changes && sends(&row.sent, &access.no_update))
                };
                (None, rows.all(may))
            }
        };
        allowed && !filter.is_some_and(|filter| role.is_overstepped(NOTE, filter))
    }
}

/// The relation of items to their notes, and the column by which they are their item's.
const NOTES: usize = 3;
pub(super) const OF_ITEM: usize = 1;

/// The column that grows, in both tables.
pub(super) const GROWING: usize = 3;

/// One write.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub table: usize,
    pub change: Change,
}

/// What a write has done.
#[derive(Debug)]
pub(super) struct Done {
    /// The rows that it has made or changed, and may tell of, as GraphQL writes them.
    pub rows: Vec<Json>,
    pub count: usize,
    /// How many of them are new.
    pub created: usize,
    /// The ids of all rows that it made, changed or met.
    pub ids: Vec<i64>,
}

/// Where a write happens.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub role: &'a Role,
    /// That no row is found is a refusal.
    pub strict: bool,
}

impl Step {
    /// Makes the change in memory; `None` if it is refused, and then `data` may be anything.
    pub(super) fn apply(&self, data: &mut Data, place: Place<'_>) -> Option<Done> {
        match &self.change {
            Change::Insert(rows, meeting) => self.insert(data, place, rows, meeting),
            Change::Update(which, sent, growth) => self.update(data, place, which, sent, *growth),
            Change::Delete(which) => self.delete(data, place, which),
            Change::With(rows) => self.with(data, place, rows),
            Change::Around(id, sent, below) => self.around(data, place, *id, sent, below),
        }
    }

    fn with(&self, data: &mut Data, place: Place<'_>, rows: &[(NewRow, Vec<NewRow>)]) -> Option<Done> {
        if rows.iter().any(|(_, notes)| !notes.is_empty()) && !place.role.follows(ITEM, NOTES) {
            return None;
        }
        let items: Vec<NewRow> = rows.iter().map(|(item, _)| item.clone()).collect();
        let done = self.insert(data, place, &items, &Meeting::Refuse)?;
        let notes: Vec<NewRow> = rows.iter().flat_map(|(item, notes)| of_item(item.id, notes)).collect();
        let below = notes_of(Change::Insert(notes, Meeting::Refuse)).apply(data, place)?;
        Some(Done {
            rows: done
                .ids
                .iter()
                .filter_map(|id| self.told(data, place.role, *id))
                .collect(),
            count: done.count + below.count,
            ..done
        })
    }

    fn around(&self, data: &mut Data, place: Place<'_>, id: i64, sent: &Sent, below: &[Below]) -> Option<Done> {
        let access = &place.role.note;
        let linked = |below: &Below| match below {
            Below::Insert(_) | Below::Upsert(_) => !access.no_create.contains(&OF_ITEM),
            Below::Connect(_) | Below::Disconnect(_) => !access.no_update.contains(&OF_ITEM),
            Below::Delete(_) | Below::Update(..) => true,
        };
        if !place.role.follows(ITEM, NOTES) || !below.iter().all(linked) {
            return None;
        }
        let found = if sent.is_empty() {
            // It is only looked up.
            let all = Condition::And(Vec::new());
            self.targets(data, place, &Which::Key(id), &all)?
        } else {
            let done = self.update(data, place, &Which::Key(id), sent, None)?;
            let rows = data.0[self.table].iter().enumerate();
            let is_of_it = |row: &Row| done.ids.iter().any(|id| row[0] == Value::Integer(*id));
            rows.filter(|(_, row)| is_of_it(row)).map(|(place, _)| place).collect()
        };
        // Nothing happens around a row that is not there, and it is null; what could not be asked for is refused all the same.
        if found.is_empty() {
            let may = below.iter().all(|below| below.may_be_asked(place.role, id));
            return may.then(|| Done {
                rows: Vec::new(),
                count: 0,
                created: 0,
                ids: Vec::new(),
            });
        }
        for below in below {
            let own = |condition: &Condition| Which::Of(id, condition.clone());
            let to = |item: Value| vec![(OF_ITEM, item)];
            let change = match below {
                Below::Disconnect(condition) => Change::Update(own(condition), to(Value::Null), None),
                Below::Delete(condition) => Change::Delete(own(condition)),
                Below::Update(condition, sent) => Change::Update(own(condition), sent.clone(), None),
                Below::Connect(condition) => {
                    Change::Update(Which::Where(condition.clone()), to(Value::Integer(id)), None)
                }
                Below::Insert(rows) => Change::Insert(of_item(id, rows), Meeting::Refuse),
                Below::Upsert(rows) => Change::Insert(of_item(id, rows), Meeting::Put),
            };
            // What is to become related must be found.
            let strict = matches!(below, Below::Connect(_));
            notes_of(change).apply(data, Place { strict, ..place })?;
        }
        Some(Done {
            rows: found
                .first()
                .and_then(|_| self.told(data, place.role, id))
                .into_iter()
                .collect(),
            count: found.len(),
            created: 0,
            ids: vec![id],
        })
    }

    fn insert(&self, data: &mut Data, place: Place<'_>, rows: &[NewRow], meeting: &Meeting) -> Option<Done> {
        let (table, access) = (self.table, place.role.access(self.table));
        let chosen = |sent: &Sent| -> Sent {
            let taken = |column: &usize| match meeting {
                Meeting::Update(columns, _) => columns.contains(column),
                _ => true,
            };
            sent.iter().filter(|(column, _)| taken(column)).cloned().collect()
        };
        let may = |row: &NewRow| {
            let sends = |columns: &[usize]| row.sent.iter().any(|(column, _)| columns.contains(column));
            !(sends(&access.no_create) || matches!(meeting, Meeting::Put) && sends(&access.no_update))
        };
        let names = match meeting {
            Meeting::Update(columns, filter) => {
                columns.iter().any(|column| access.no_update.contains(column))
                    || filter
                        .as_ref()
                        .is_some_and(|filter| place.role.is_overstepped(table, filter))
            }
            _ => false,
        };
        if names || !rows.iter().all(may) {
            return None;
        }
        let (mut told, mut count, mut created) = (Vec::new(), 0, 0);
        for group in groups(rows) {
            let position = |data: &Data, id: i64| data.0[table].iter().position(|row| row[0] == Value::Integer(id));
            let (mut standing, mut fresh, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
            for row in group {
                match (position(data, row.id), meeting) {
                    (None, _) => fresh.push(row),
                    (Some(_), Meeting::Refuse) => return None,
                    (Some(_), Meeting::Ignore) => left_out.push(row),
                    (Some(found), Meeting::Update(..) | Meeting::Put) => {
                        let stands = &data.0[table][found];
                        if !holds(data, table, stands, &access.update) || !holds(data, table, stands, &access.read) {
                            return None;
                        }
                        let wanted = match meeting {
                            Meeting::Update(_, Some(filter)) => fulfils(data, place.role, table, stands, filter),
                            _ => true,
                        };
                        if wanted {
                            standing.push((row, found));
                        }
                    }
                }
            }
            for (row, found) in &standing {
                for (column, value) in chosen(&row.sent) {
                    data.0[table][*found][column] = value;
                }
            }
            for (row, found) in standing {
                // What nothing of is changed is not checked.
                if !chosen(&row.sent).is_empty() {
                    count += 1;
                    if !holds(data, table, &data.0[table][found], &access.update_check) {
                        return None;
                    }
                }
                told.push(row.id);
            }
            for row in &fresh {
                let made = self.made(row);
                if position(data, row.id).is_some() {
                    return None;
                }
                data.0[table].push(made);
            }
            for row in fresh {
                let made = &data.0[table][position(data, row.id)?];
                if !holds(data, table, made, &access.create_check) {
                    return None;
                }
                count += 1;
                created += 1;
                told.push(row.id);
            }
            // Nobody learns by a row that they might not create that one of its key stands.
            for row in left_out {
                if !holds(data, table, &self.made(row), &access.create_check) {
                    return None;
                }
            }
        }
        // In the order in which they were sent.
        let ids: Vec<i64> = rows.iter().map(|row| row.id).filter(|id| told.contains(id)).collect();
        Some(Done {
            rows: ids.iter().filter_map(|id| self.told(data, place.role, *id)).collect(),
            count,
            created,
            ids,
        })
    }

    /// A new row as it was sent.
    fn made(&self, row: &NewRow) -> Row {
        let mut made = vec![Value::Null; TABLES[self.table].columns.len()];
        made[0] = Value::Integer(row.id);
        for (column, value) in &row.sent {
            made[*column] = value.clone();
        }
        made
    }

    fn update(
        &self,
        data: &mut Data,
        place: Place<'_>,
        which: &Which,
        sent: &Sent,
        growth: Option<i64>,
    ) -> Option<Done> {
        let (table, access) = (self.table, place.role.access(self.table));
        let sends = |column: usize| sent.iter().any(|(own, _)| *own == column);
        let grows = growth.is_some();
        if (sent.is_empty() && !grows)
            || access.no_update.iter().any(|column| sends(*column))
            || (grows && (sends(GROWING) || access.no_update.contains(&GROWING) || access.hidden.contains(&GROWING)))
        {
            return None;
        }
        let found = self.targets(data, place, which, &access.update)?;
        for place_of_row in &found {
            let row = &mut data.0[table][*place_of_row];
            for (column, value) in sent {
                row[*column] = value.clone();
            }
            if let (Some(growth), Value::Integer(old)) = (growth, &row[GROWING]) {
                let new = old + growth;
                if i32::try_from(new).is_err() {
                    return None;
                }
                row[GROWING] = Value::Integer(new);
            }
        }
        let holds_of = |found: &usize| holds(data, table, &data.0[table][*found], &access.update_check);
        if !found.iter().all(holds_of) {
            return None;
        }
        let ids = ids(&data.0[table], &found);
        Some(Done {
            rows: ids.iter().filter_map(|id| self.told(data, place.role, *id)).collect(),
            count: found.len(),
            created: 0,
            ids,
        })
    }

    fn delete(&self, data: &mut Data, place: Place<'_>, which: &Which) -> Option<Done> {
        let table = self.table;
        let found = self.targets(data, place, which, &place.role.access(table).delete)?;
        let ids = ids(&data.0[table], &found);
        let rows = ids.iter().filter_map(|id| self.told(data, place.role, *id)).collect();
        data.0[table].retain(|row| !ids.iter().any(|id| row[0] == Value::Integer(*id)));
        Some(Done {
            rows,
            count: ids.len(),
            created: 0,
            ids,
        })
    }

    /// The rows that are meant, among those that may be changed and read.
    fn targets(&self, data: &Data, place: Place<'_>, which: &Which, rule: &Condition) -> Option<Vec<usize>> {
        let (table, role) = (self.table, place.role);
        if let Which::Where(filter) | Which::Of(_, filter) = which
            && role.is_overstepped(table, filter)
        {
            return None;
        }
        let is_meant = |row: &Row| {
            let meant = match which {
                Which::Key(id) => row[0] == Value::Integer(*id),
                Which::Where(filter) => fulfils(data, role, table, row, filter),
                Which::Of(item, filter) => {
                    row[OF_ITEM] == Value::Integer(*item) && fulfils(data, role, table, row, filter)
                }
            };
            meant && holds(data, table, row, rule) && holds(data, table, row, &role.access(table).read)
        };
        let rows = data.0[table].iter().enumerate();
        let found: Vec<usize> = rows.filter(|(_, row)| is_meant(row)).map(|(place, _)| place).collect();
        (!found.is_empty() || !place.strict).then_some(found)
    }

    /// A row as its role may read it now, with the rows around it; `None` if it may not.
    fn told(&self, data: &Data, role: &Role, id: i64) -> Option<Json> {
        let row = data.0[self.table].iter().find(|row| row[0] == Value::Integer(id))?;
        holds(data, self.table, row, &role.access(self.table).read).then_some(())?;
        let mut members = self.plain(role, row);
        let judge = Judge {
            data,
            rules: Some(&role.reads),
        };
        for (place, relation) in TABLES[self.table].relations.iter().enumerate() {
            if !role.follows(self.table, place) {
                continue;
            }
            let mut related = judge.related(self.table, row, place);
            related.sort_by(|one, two| one[0].compare(&two[0]).unwrap_or(std::cmp::Ordering::Equal));
            let mut ids = related.into_iter().map(|row| json!({"id": row[0].json()}));
            let value = if relation.many {
                ids.collect()
            } else {
                ids.next().unwrap_or(Json::Null)
            };
            members.insert(relation.name.into(), value);
        }
        Some(Json::Object(members))
    }

    /// The columns that a role reads.
    fn plain(&self, role: &Role, row: &Row) -> Map<String, Json> {
        let columns = TABLES[self.table].columns.iter().enumerate();
        columns
            .filter(|(place, _)| !role.hides(self.table, *place))
            .map(|(place, (name, _))| ((*name).to_owned(), row[place].json()))
            .collect()
    }

    /// What GraphQL asks of a row.
    pub(super) fn selection(&self, role: &Role) -> String {
        let columns = TABLES[self.table].columns.iter().enumerate();
        let columns = columns.filter(|(place, _)| !role.hides(self.table, *place));
        let mut words: Vec<String> = columns.map(|(_, (name, _))| (*name).to_owned()).collect();
        for (place, relation) in TABLES[self.table].relations.iter().enumerate() {
            if role.follows(self.table, place) {
                let order = if relation.many { "(order_by: {id: asc})" } else { "" };
                words.push(format!("{}{order} {{ id }}", relation.name));
            }
        }
        words.join(" ")
    }
}

fn notes_of(change: Change) -> Step {
    Step { table: NOTE, change }
}

/// Notes as those of an item.
fn of_item(item: i64, notes: &[NewRow]) -> Vec<NewRow> {
    let with = |note: &NewRow| {
        let mut sent = note.sent.clone();
        sent.push((OF_ITEM, Value::Integer(item)));
        NewRow { id: note.id, sent }
    };
    notes.iter().map(with).collect()
}

/// Rows of the same columns together, the groups in the order of their first rows.
fn groups(rows: &[NewRow]) -> Vec<Vec<&NewRow>> {
    let columns = |row: &NewRow| {
        let mut columns: Vec<usize> = row.sent.iter().map(|(column, _)| *column).collect();
        columns.sort_unstable();
        columns
    };
    let mut groups: Vec<(Vec<usize>, Vec<&NewRow>)> = Vec::new();
    for row in rows {
        let own = columns(row);
        match groups.iter_mut().find(|(columns, _)| *columns == own) {
            Some((_, group)) => group.push(row),
            None => groups.push((own, vec![row])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

fn ids(rows: &[Row], found: &[usize]) -> Vec<i64> {
    let id = |place: &usize| match rows[*place][0] {
        Value::Integer(id) => id,
        _ => 0,
    };
    found.iter().map(id).collect()
}

/// Whether a row fulfils a rule, which sees everything.
fn holds(data: &Data, table: usize, row: &Row, rule: &Condition) -> bool {
    Judge { data, rules: None }.truth(table, row, rule) == Some(true)
}

/// Whether it fulfils a condition that a caller sends, who sees what they may read.
fn fulfils(data: &Data, role: &Role, table: usize, row: &Row, condition: &Condition) -> bool {
    let judge = Judge {
        data,
        rules: Some(&role.reads),
    };
    judge.truth(table, row, condition) == Some(true)
}

/// The tables that are written.
pub(super) const WRITTEN: [usize; 2] = [ITEM, NOTE];
