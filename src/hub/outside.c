/* What others see of the hub: its queues, a sign of life. */
#include "state.h"

void hub_ask(struct hub *h, uint32_t round)
{
    atomic_store(&h->round_asked, round);
    hub_poke(h);
}

bool hub_answers(const struct hub *h, uint32_t round)
{
    return atomic_load(&h->round_answered) == round;
}

void hub_queue_stats(struct hub *h, struct hub_queue_stats out[HUB_QUEUES])
{
    struct queue *queues[HUB_QUEUES] = { &h->registers, &h->unregisters, &h->broadcasts,
                                         &h->hashed };
    const char *names[HUB_QUEUES] = { "register", "unregister", "broadcast", "passwords" };
    for (int i = 0; i < HUB_QUEUES; i++)
        out[i] = (struct hub_queue_stats){
            .name = names[i],
            .depth = atomic_load(&queues[i]->depth),
            .depth_max = atomic_load(&queues[i]->depth_max),
            .bound = queues[i]->bound,
            .pushed = atomic_load(&queues[i]->pushed),
            .refused = atomic_load(&queues[i]->refused),
            .wakeups = atomic_load(&queues[i]->wakeups),
        };
}
