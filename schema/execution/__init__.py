"""An executor that turns what is selected into straight Python, and asks for many at once.

It stands behind graphql-core's own ("stock") executor, which runs the root fields and whatever is
not understood here. Where stock is about to complete a value, and all that is selected of it is
understood, a plan completes it instead: level by level, each edge loaded once for all values of
the level. A plan completes only what goes well. Whatever does not is completed again by stock,
from the same values; so nothing that is told of errors is written here.

    declared.py   what an application declares: how edges are loaded
    fields.py     what is selected, and which fields a plan can answer
    leaves.py     scalars and enums
    objects.py    which classes stand for a type
    writer.py     lines of Python, and the names in them
    compiler.py   writes a plan: a function for each level
    running.py    runs a plan: loads edges, and puts what they bring in its place
    plans.py      remembers plans
    executor.py   where stock hands over to plans, and takes back

It knows nothing of companies and licenses. docs/adr/0010-executor.md says why it is there.
"""
