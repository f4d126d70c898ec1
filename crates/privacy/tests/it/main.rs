//! Does the detector find what documents of Customer Success hold, and leave the rest?

mod corpus;
mod detection;
mod limits;
mod metamorphic;
mod score;
mod table;
