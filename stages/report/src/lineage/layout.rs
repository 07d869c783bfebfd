//! Placing a lineage on paper: columns by depth, rows with few crossings.
//!
//! The layered drawing of Sugiyama, Tagawa and Toda (1981) in its plainest form: a node's column is
//! its longest way from a source, an edge over several columns gets a place in each of
//! them, and a few sweeps order every column by the mean row of its neighbours.

/// Sweeps over the columns; lineages are small and settle in a few.
const SWEEPS: usize = 8;

/// Where everything goes, in columns and rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layout {
    /// The column and row of each node. Rows are centred and may be halves.
    pub(crate) nodes: Vec<(usize, f64)>,
    /// One route an edge.
    pub(crate) routes: Vec<Route>,
    /// Columns in all.
    pub(crate) columns: usize,
    /// Rows in the fullest column.
    pub(crate) rows: usize,
}

/// The way of an edge.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Route {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// The row in each column that it passes, the ends included.
    pub(crate) rows: Vec<f64>,
}

/// A place in a column: a node, or an edge passing by.
struct Place {
    column: usize,
    /// Neighbours in the columns before and after.
    before: Vec<usize>,
    after: Vec<usize>,
}

impl Layout {
    /// Lays out nodes of which each names its inputs; inputs come before what uses them.
    pub(crate) fn of(inputs: &[Vec<usize>]) -> Self {
        let mut places: Vec<Place> = Vec::new();
        for inputs in inputs {
            let column = inputs.iter().map(|&input| places[input].column + 1).max().unwrap_or(0);
            places.push(Place { column, before: Vec::new(), after: Vec::new() });
        }
        let mut routes = Vec::new();
        for (to, inputs) in inputs.iter().enumerate() {
            for &from in inputs {
                routes.push((from, to, route(&mut places, from, to)));
            }
        }
        let columns = places.iter().map(|place| place.column + 1).max().unwrap_or(0);
        let rows = order(&places, columns);
        let width = (0..columns).map(|c| places.iter().filter(|place| place.column == c).count()).max();
        Self {
            nodes: (0..inputs.len()).map(|i| (places[i].column, rows[i])).collect(),
            routes: routes
                .into_iter()
                .map(|(from, to, way)| Route { from, to, rows: way.into_iter().map(|i| rows[i]).collect() })
                .collect(),
            columns,
            rows: width.unwrap_or(0),
        }
    }
}

/// Adds a place in every column between two nodes; returns the places on the way, ends included.
fn route(places: &mut Vec<Place>, from: usize, to: usize) -> Vec<usize> {
    let mut way = vec![from];
    for column in places[from].column + 1..places[to].column {
        places.push(Place { column, before: Vec::new(), after: Vec::new() });
        way.push(places.len() - 1);
    }
    way.push(to);
    for pair in way.windows(2) {
        places[pair[0]].after.push(pair[1]);
        places[pair[1]].before.push(pair[0]);
    }
    way
}

/// The row of every place, each column centred.
fn order(places: &[Place], columns: usize) -> Vec<f64> {
    let mut column: Vec<Vec<usize>> = vec![Vec::new(); columns];
    for (i, place) in places.iter().enumerate() {
        column[place.column].push(i);
    }
    let mut rows = vec![0.0; places.len()];
    let settle = |members: &[usize], rows: &mut [f64]| {
        let middle = (members.len() as f64 - 1.0) / 2.0;
        members.iter().enumerate().for_each(|(row, &i)| rows[i] = row as f64 - middle);
    };
    column.iter().for_each(|members| settle(members, &mut rows));
    for sweep in 0..SWEEPS {
        let forwards = sweep % 2 == 0;
        for step in 0..columns {
            let members = &mut column[if forwards { step } else { columns - 1 - step }];
            let mean = |i: usize| {
                let next = if forwards { &places[i].before } else { &places[i].after };
                let sum: f64 = next.iter().map(|&n| rows[n]).sum();
                if next.is_empty() { rows[i] } else { sum / next.len() as f64 }
            };
            members.sort_by(|&a, &b| mean(a).total_cmp(&mean(b)));
            settle(members, &mut rows);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_one_row() {
        let layout = Layout::of(&[vec![], vec![0], vec![1]]);
        assert_eq!(layout.nodes, [(0, 0.0), (1, 0.0), (2, 0.0)]);
        assert_eq!((layout.columns, layout.rows), (3, 1));
    }

    #[test]
    fn a_long_edge_keeps_clear_of_the_nodes_it_passes() {
        // 0 → 1 → 2 and 0 → 2.
        let layout = Layout::of(&[vec![], vec![0], vec![0, 1]]);
        let long = layout.routes.iter().find(|route| (route.from, route.to) == (0, 2)).unwrap();
        assert_eq!(long.rows.len(), 3);
        assert_ne!(long.rows[1], layout.nodes[1].1);
    }

    #[test]
    fn crossings_are_undone() {
        // 0 → 3 and 1 → 2 would cross if columns kept their first order.
        let layout = Layout::of(&[vec![], vec![], vec![1], vec![0]]);
        let row = |i: usize| layout.nodes[i].1;
        assert_eq!((row(0) < row(1)), (row(3) < row(2)));
        assert_eq!(Layout::of(&[]).columns, 0);
    }
}
