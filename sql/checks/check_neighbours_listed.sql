-- description: A deleted or nameless dataset must never be a neighbour.
select
    behaviour_neighbours.dataset_id,
    behaviour_neighbours.neighbour_id,
    'neighbour is not listed' as violation
from behaviour_neighbours
inner join datasets on datasets.dataset_id = behaviour_neighbours.neighbour_id
where not datasets.is_listed
