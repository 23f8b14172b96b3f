import time
from models.users import User
from resolvers.users import remove_users, add_users, update_user
from resolvers.people import Person
from resolvers.licenses import Wanted
async def test_many(scene, do, make):
    n=20000
    t=time.perf_counter()
    people=[Person(f"p{i}@example.com", first_name=f"F{i}") for i in range(n)]
    added = await do(scene.pam, add_users, scene.customer.id, people, None)
    print("add", time.perf_counter()-t); t=time.perf_counter()
    r = await do(scene.pam, remove_users, added.users, True)
    print("remove+erase", time.perf_counter()-t)
