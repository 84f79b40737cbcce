/* The paths that are counted. */
#ifndef BUDGET_PATHS_H
#define BUDGET_PATHS_H

void paths_alone(void); /* functions of wire, net and pump that need nobody else */
void paths_world(void); /* a message through an instance, step by step */

#endif
