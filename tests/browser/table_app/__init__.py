"""An app of one page that draws tables, for the tests of the component."""
