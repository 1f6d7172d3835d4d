"""Pure rules of the catalog: names, types, documents, differences, queries. No Django, no drivers, no clocks."""
