/* Who this machine is: machine id and host name, kept on the state partition; and `lo`. */
#ifndef PROA_INIT_SUPERVISE_IDENTITY_H
#define PROA_INIT_SUPERVISE_IDENTITY_H

/* What fails is said, and passed over: none of it keeps a machine from running. */
void identity_start(void);

#endif
