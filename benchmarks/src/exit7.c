/* The smallest program that proves it ran: linked statically, so that starting it is the kernel's work alone. */
int main(void)
{
    return 7;
}
