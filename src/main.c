/* grapnel: an HTTP webhook event hub. */
int main(void)
{
	return 0;
}
